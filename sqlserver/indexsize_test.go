package sqlserver

import (
	"context"
	sqldriver "database/sql/driver"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store"
)

// longIndex has an index over a column that is NVARCHAR(MAX).
type longIndex struct {
	store.Snapshot
	ID   int64  `db:"id" store:"key"`
	Name string `db:"name" store:"size=3000,index"`
}

// longKey has a primary key that has more bytes than one holds.
type longKey struct {
	store.Snapshot
	Digest [1000]byte `db:"digest" store:"key"`
}

// fitting has what the server makes: ordinary characters of its key fit, and so do those of its index.
type fitting struct {
	store.Snapshot
	Code string    `db:"code" store:"key,size=255"`
	Name string    `db:"name" store:"size=850,index"`
	Sum  [400]byte `db:"sum" store:"index"`
}

// TestIndexesThatCannotBeMade refuses them by the field's name before anything is made, and CheckSchema has no fix that
// would fail. A column that is there may be shorter than the mapping, and Babelfish makes them all.
func TestIndexesThatCannotBeMade(t *testing.T) {
	t.Parallel()
	column := func(name, kind string, length int64) []sqldriver.Value {
		return []sqldriver.Value{
			name, kind, length, int64(0), int64(0), false, false, false, nil, nil, nil, nil, int64(0),
		}
	}
	made := catalogue{kind: "U ", columns: [][]sqldriver.Value{
		column("id", "bigint", 8), column("version", "bigint", 8), column("name", "nvarchar", 400),
	}}
	for _, c := range []struct {
		name      string
		at        catalogue
		babelfish any
		open      func(db *store.DB) schema
		want      string
	}{
		{"Max", catalogue{}, nil, schemaOf[longIndex, int64], "Name is in an index, and its column is NVARCHAR of " +
			"any length, which no index can be over: tag it size=N, with an N of at most 425"},
		{"Fixed", catalogue{}, nil, schemaOf[longKey, [1000]byte], "Digest is in a primary key, whose columns " +
			"have 1000 bytes"},
		{"Fitting", catalogue{}, nil, schemaOf[fitting, string], ""},
		{"Shorter", made, nil, schemaOf[longIndex, int64], ""},
		{"Babelfish", catalogue{}, "4.3.0", schemaOf[longIndex, int64], ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			fake, pool := pretend(t)
			fake.catalogue, fake.audit[2] = c.at, c.babelfish
			db, err := New(t.Context(), pool, nil)
			require.NoError(t, err)
			r := c.open(db)
			fake.sent = nil
			err = r.EnsureSchema(t.Context())
			sent := strings.Join(fake.sent, "\n")
			if c.want == "" {
				require.NoError(t, err)
				assert.Contains(t, sent, "CREATE TABLE")
				return
			}
			require.ErrorIs(t, err, store.ErrInvalid)
			require.ErrorContains(t, err, strings.Replace(c.want, " ", ": ", 1))
			assert.NotContains(t, sent, "CREATE ", "nothing is made")
			found, err := r.CheckSchema(t.Context())
			require.NoError(t, err)
			require.Len(t, found, 1)
			assert.Contains(t, found[0].Problem, c.want)
			assert.Empty(t, found[0].Statements)
		})
	}
}

// schema is what every repository has of a table's.
type schema interface {
	EnsureSchema(ctx context.Context) error
	CheckSchema(ctx context.Context) ([]store.Difference, error)
}

func schemaOf[T any, K comparable](db *store.DB) schema {
	return store.MustRepository[T, K](db, "t", nil)
}

// TestIndexesThatRefuseValues names an index, also of other programs, that cannot take each value of its columns.
func TestIndexesThatRefuseValues(t *testing.T) {
	t.Parallel()
	column := func(name, kind string, length int64) []sqldriver.Value {
		return []sqldriver.Value{
			name, kind, length, int64(0), int64(0), true, false, false, nil, nil, nil, nil, int64(0),
		}
	}
	index := func(name, column string, kind int64) []sqldriver.Value {
		return []sqldriver.Value{
			name, kind, false, int64(0), false, true, true, "PRIMARY", "FG", false, int64(0), false, false, column,
			int64(1),
		}
	}
	for _, c := range []struct {
		name   string
		length int64
		kind   int64
		want   string
	}{
		{"Nonclustered", 1800, 2, "the index by_note (note) can have 1800 bytes, and it takes 1700"},
		{"Clustered", 1800, 1, "the index by_note (note) can have 1800 bytes, and it takes 900"},
		{"Short", 1700, 2, ""},
		{"Columnstore", 1800, 6, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			fake, pool := pretend(t)
			fake.catalogue = catalogue{
				kind:         "U ",
				columns:      [][]sqldriver.Value{column("id", "bigint", 8), column("note", "nvarchar", c.length)},
				indexes:      [][]sqldriver.Value{{"by_note", false, false, false, nil, "note"}},
				indexDetails: [][]sqldriver.Value{index("by_note", "note", c.kind)},
			}
			db, err := New(t.Context(), pool, nil)
			require.NoError(t, err)
			found, err := schemaOf[longIndex, int64](db).CheckSchema(t.Context())
			require.NoError(t, err)
			var problems []string
			for _, d := range found {
				if strings.Contains(d.Problem, "error 1946") {
					problems = append(problems, d.Problem)
				}
			}
			if c.want == "" {
				assert.Empty(t, problems)
				return
			}
			require.Len(t, problems, 1)
			assert.Contains(t, problems[0], c.want)
		})
	}
}

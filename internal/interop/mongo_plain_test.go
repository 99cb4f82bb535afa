package interop

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/stillframe/stillframe/internal/testbed"
	"github.com/stillframe/stillframe/store"
)

// TestMongoPlain has mongoengine store values by fields as they are by default. The guide's table has what is stored,
// what the library says to it, and what a value becomes on the way.
func TestMongoPlain(t *testing.T) {
	t.Parallel()
	g := newMongoGame(t)
	legacy := start(t, "mongo_client.py", withSetting(g.settings, "uuidRepresentation", "pythonLegacy"))
	seen := time.Date(2026, 10, 25, 1, 30, 0, 250001000, time.UTC)
	type nested struct {
		Class string `bson:"_cls"`
	}
	b := newTable("mongoengine", "stores", "in Go", "CheckSchema says", "Go reads", "Python reads of Go")
	for i, tt := range []struct {
		plain  string
		judge  judging
		python *client
	}{
		{"DecimalField()", asPrice("1.2500"), g.python},
		{"DecimalField(force_string=True)", asPrice("1.2500"), g.python},
		{"Decimal128Field()", asPrice("1.2500"), g.python},
		{"DateTimeField()", plainly(seen), g.python},
		{"ComplexDateTimeField()", asName("2026,10,25,01,30,00,250001"), g.python},
		{"UUIDField()", plainly(uuidOfTests), g.python},
		{"UUIDField(), pythonLegacy", plainly(uuidOfTests), legacy},
		{"UUIDField(binary=False)", asName("00112233-4455-4677-8899-aabbccddeeff"), g.python},
		{"ReferenceField(Club)", plainly[int64](7), g.python},
		{"ReferenceField(Club, dbref=True)", plainly[int64](7), g.python},
		{"GenericReferenceField()", plainly(nested{"Club"}), g.python},
		{"StringField(), None", plainly[*string](nil), g.python},
		{"StringField(default='x'), None", plainly[*string](nil), g.python},
		{"StringField(default='x', null=True), None", plainly[*string](nil), g.python},
		{"ListField(), []", plainly([]string{}), g.python},
		{"ListField(), emptied", plainly([]string{}), g.python},
	} {
		table := fmt.Sprint("plain_", i)
		name, _ := strings.CutSuffix(tt.plain, ", pythonLegacy")
		args := arguments{"table": table, "name": name}
		must[any](t, tt.python, "plain_create", args)
		v := tt.judge(t, g.db, table, func(id int64) string {
			answer, err := ask[string](tt.python, "plain_read", withSetting(args, "id", id))
			if e, ok := errors.AsType[*raised](err); ok {
				answer = "`" + e.Class + "`"
			}
			return answer
		})
		var doc bson.Raw
		err := g.native.Collection(table).FindOne(t.Context(), bson.D{{Key: "_id", Value: 1}}).Decode(&doc)
		require.NoError(t, err)
		b.row("`"+tt.plain+"`", kindOf(doc), v.field, v.said, v.reads, v.back)
	}
	testbed.Documented(t, "MONGOENGINE.md", "plain", b.text.String(), *update)
}

// withSetting is a copy of settings with one more.
func withSetting(settings arguments, name string, value any) arguments {
	settings = maps.Clone(settings)
	settings[name] = value
	return settings
}

// kindOf says how the value of a document is stored.
func kindOf(doc bson.Raw) string {
	value := doc.Lookup("v")
	if subtype, _, ok := value.BinaryOK(); ok {
		return fmt.Sprintf("binary, subtype %d", subtype)
	}
	if value.Type == 0 {
		return "no field"
	}
	return value.Type.String()
}

// Loaned is what a Go program knows of a Keeper: the fee of his contract alone, and the year of a season.
type Loaned struct {
	store.Snapshot `bson:",inline"`
	ID             int64       `bson:"_id" store:"key"`
	Contract       *LoanedFee  `bson:"contract"`
	Seasons        []YearAlone `bson:"seasons"`
	Nicknames      []string    `bson:"nicknames"`
}

// LoanedFee is a part of a Contract.
type LoanedFee struct {
	Fee int64 `bson:"fee"`
}

// YearAlone is a part of a Season.
type YearAlone struct {
	Year int32 `bson:"year"`
}

// TestMongoNested has Go write documents of which it knows a part: what it does not map stays, _cls among it, so that
// the service reads objects of the same classes; but for the elements of a list, which CheckSchema names before.
func TestMongoNested(t *testing.T) {
	t.Parallel()
	g := newMongoGame(t)
	r := store.MustRepository[Loaned, int64](g.db, "members", nil)
	must[any](t, g.python, "keeper", arguments{"id": 1})
	_, err := r.Modify(t.Context(), 1, func(m *Loaned) error { m.Contract.Fee = 6; return nil })
	require.NoError(t, err)
	held, err := r.Get(t.Context(), 1)
	require.NoError(t, err)
	held.Contract.Fee++
	held.Nicknames = nil
	found, err := r.CheckSchema(t.Context())
	require.NoError(t, err)
	require.Len(t, found, 1)
	assert.Contains(t, found[0].String(), "seasons.goals")
	_, err = r.Modify(t.Context(), 1, func(m *Loaned) error { m.Contract.Fee++; return nil })
	require.NoError(t, err)
	assert.Equal(t, []any{"Keeper", 9.0, "Loan", 7.0, "Stoke"},
		must[[]any](t, g.python, "keeper_read", arguments{"id": 1}))
	seasons := func() int {
		n, err := g.native.Collection("members").CountDocuments(t.Context(), bson.D{{Key: "seasons.goals", Value: 1}})
		require.NoError(t, err)
		return int(n)
	}
	assert.Equal(t, 1, seasons(), "a list that was not changed is not written")
	_, err = r.Modify(t.Context(), 1, func(m *Loaned) error { m.Seasons[0].Year++; return nil })
	require.NoError(t, err)
	assert.Equal(t, 0, seasons(), "a list is one value, as CheckSchema has said")
}

// TestMongoInserts has the service count what Go has inserted: a class that has others below it looks for _cls.
func TestMongoInserts(t *testing.T) {
	t.Parallel()
	g := newMongoGame(t)
	for id, class := range []string{"Member", "Member.Keeper"} {
		member, _ := bob(int64(id))
		member.Class = class
		require.NoError(t, g.members.Insert(t.Context(), &member))
	}
	r := store.MustRepository[Loaned, int64](g.db, "members", nil)
	require.NoError(t, r.Insert(t.Context(), &Loaned{ID: 2}))
	count := func(class string) int { return must[int](t, g.python, "count", arguments{"name": class}) }
	assert.Equal(t, []int{2, 1}, []int{count("Member"), count("Keeper")}, "nobody sees the third, which has no _cls")
}

// TestMongoStrict has the service read what it does not map: a class is strict unless its meta says otherwise.
func TestMongoStrict(t *testing.T) {
	t.Parallel()
	g := newMongoGame(t)
	r := store.MustRepository[row[int64], int64](g.db, "strict", nil)
	require.NoError(t, r.Insert(t.Context(), &row[int64]{ID: 1, V: 5}))
	_, err := ask[int](g.python, "value_of", arguments{"name": "Strict", "id": 1})
	refusal, ok := errors.AsType[*raised](err)
	require.True(t, ok)
	assert.Equal(t, "FieldDoesNotExist", refusal.Class)
	assert.Contains(t, refusal.Text, "version")
	assert.Equal(t, 5, must[int](t, g.python, "value_of", arguments{"name": "Lenient", "id": 1}))
}

// TestMongoPartial has the service save what was deleted meanwhile: its save creates a document of the fields that it
// has changed alone. Go's calls say that there is none.
func TestMongoPartial(t *testing.T) {
	t.Parallel()
	g := newMongoGame(t)
	member, _ := bob(1)
	require.NoError(t, g.members.Insert(t.Context(), &member))
	must[any](t, g.python, "rename", arguments{"id": 1, "name": "Robert"})
	got, err := g.members.Get(t.Context(), 1)
	require.NoError(t, err)
	assert.Equal(t, Member{Snapshot: got.Snapshot, ID: 1, Name: "Robert"}, got)
	assert.Zero(t, got.Version)
	require.ErrorIs(t, g.members.Save(t.Context(), &member), store.ErrConflict, "it is another life of the key")

	require.NoError(t, g.members.DeleteKey(t.Context(), 1))
	require.ErrorIs(t, g.members.Save(t.Context(), &member), store.ErrNotFound)
}

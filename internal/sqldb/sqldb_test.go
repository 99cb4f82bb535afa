package sqldb

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/jmoiron/sqlx/reflectx"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store/driver"
)

// stmt is a statement that knows whether it was closed.
type stmt struct {
	sqldriver.Stmt
	closed int
}

func (s *stmt) Close() error {
	s.closed++
	return nil
}

// TestStatementCache keeps the statements that were used last, and closes each other one once.
func TestStatementCache(t *testing.T) {
	t.Parallel()
	s := newStatementCache(2)
	key := func(text string) cacheKey { return cacheKey{text, false} }
	all := map[string]*stmt{"a": {}, "b": {}, "c": {}}
	for _, text := range []string{"a", "b"} {
		s.makeRoom(1)
		s.add(key(text), all[text], 1)
	}
	require.Same(t, all["a"], s.get(key("a")))
	s.makeRoom(1)
	s.add(key("c"), all["c"], 1)
	assert.Nil(t, s.get(key("b")), "it was used longest ago")
	assert.Equal(t, 1, all["b"].closed)
	assert.NotNil(t, s.get(key("a")))
	assert.NotNil(t, s.get(key("c")))
	s.remove(key("a"))
	s.remove(key("a"))
	s.clear()
	for text, st := range all {
		assert.Equal(t, 1, st.closed, text)
	}
	assert.Empty(t, s.elements)
}

// conn is a connection that does nothing.
type conn struct{ sqldriver.Conn }

func (*conn) Close() error { return nil }

type conns struct{}

func (conns) Connect(context.Context) (sqldriver.Conn, error) { return &conn{}, nil }
func (conns) Driver() sqldriver.Driver                        { return nil }

// TestSessionsOfACallersPool forgets the connections that the pool has dropped.
func TestSessionsOfACallersPool(t *testing.T) {
	t.Parallel()
	db := sql.OpenDB(conns{})
	defer db.Close()
	s := &sessions{db: db, statements: 1}
	held, err := db.Conn(t.Context())
	require.NoError(t, err)
	defer held.Close()
	var first *session
	require.NoError(t, held.Raw(func(raw any) error { first = s.of(raw); return nil }))
	for range 1000 {
		c, err := db.Conn(t.Context())
		require.NoError(t, err)
		require.NoError(t, held.Raw(func(raw any) error { assert.Same(t, first, s.of(raw)); return nil }))
		_ = c.Raw(func(raw any) error { s.of(raw); return sqldriver.ErrBadConn })
	}
	assert.LessOrEqual(t, len(s.known), 2*2+spareSessions)
}

// TestAcquireTriesAnotherConnection goes on only where nothing was sent.
func TestAcquireTriesAnotherConnection(t *testing.T) {
	t.Parallel()
	db := sql.OpenDB(conns{})
	defer db.Close()
	d := New(Config{DB: db, Dialect: silentDialect{}, Statements: 1})
	for _, c := range []struct {
		err  error
		want int
	}{{sqldriver.ErrBadConn, mostConnections}, {errors.New("boom"), 1}, {nil, 1}} {
		tries := 0
		err := d.run(t.Context(), nil, func(*session) error { tries++; return c.err })
		assert.ErrorIs(t, err, c.err)
		assert.Equal(t, c.want, tries)
	}
	assert.Zero(t, db.Stats().InUse)
}

// TestPadded has few sizes, each large enough.
func TestPadded(t *testing.T) {
	t.Parallel()
	sizes := map[int]bool{}
	for n := 1; n <= 1024; n++ {
		assert.GreaterOrEqual(t, padded(n), n)
		assert.Less(t, padded(n), 2*n)
		sizes[padded(n)] = true
	}
	assert.Len(t, sizes, 11)
}

type embedded struct {
	Inner int
	Named string `db:"other"`
}

type tagged struct {
	embedded
	Plain    int
	Tag      string `db:"tag"`
	Options  string `db:"options,omitempty"`
	Skipped  int    `db:"-"`
	MixedURL string
}

// TestResolve names columns as sqlx does.
func TestResolve(t *testing.T) {
	t.Parallel()
	d := New(Config{Dialect: silentDialect{}})
	found := map[string]bool{}
	var walk func(typ reflect.Type)
	walk = func(typ reflect.Type) {
		for f := range typ.Fields() {
			switch n := d.Resolve(f); n.How {
			case driver.Inline:
				walk(f.Type)
			case driver.Stored:
				found[n.Name] = true
			}
		}
	}
	walk(reflect.TypeFor[tagged]())
	want := map[string]bool{}
	for name, info := range reflectx.NewMapperFunc("db", strings.ToLower).TypeMap(reflect.TypeFor[tagged]()).Names {
		if !info.Embedded {
			want[name] = true
		}
	}
	assert.Equal(t, want, found)
}

// TestClosedPool knows the error of database/sql that has no name.
func TestClosedPool(t *testing.T) {
	t.Parallel()
	db := sql.OpenDB(conns{})
	require.NoError(t, db.Close())
	_, err := db.Conn(t.Context())
	require.Error(t, err)
	f := Classify(err, func(error) (driver.Fault, bool) { return driver.Fault{}, false })
	assert.Equal(t, driver.Fault{Class: driver.Closed}, f)
}

package mysql_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/internal/sqldb/sqltest"
	"github.com/stillframe/stillframe/internal/testbed"
	"github.com/stillframe/stillframe/mysql"
	"github.com/stillframe/stillframe/store"
)

// ticket has a key that the database makes, of any integer type.
type ticket[K comparable] struct {
	store.Snapshot
	ID   K      `db:"id" store:"key,auto"`
	Note string `db:"note"`
}

// TestMadeKeyBeyondItsField has the server make keys that the key's field cannot hold: in a wider column, and
// in an unsigned one beyond int64, whose keys the client gives as negative numbers.
func TestMadeKeyBeyondItsField(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		madeKeyBeyond[int8](t, dsn, "t_int8", "BIGINT", "128", "-128 to 127")
		madeKeyBeyond[uint8](t, dsn, "t_uint8", "BIGINT", "256", "0 to 255")
		madeKeyBeyond[int16](t, dsn, "t_int16", "INT", "40000", "-32768 to 32767")
		madeKeyBeyond[uint16](t, dsn, "t_uint16", "BIGINT UNSIGNED", "9223372036854775808", "0 to 65535")
		madeKeyBeyond[int32](t, dsn, "t_int32", "BIGINT", "2147483648", "-2147483648 to 2147483647")
		madeKeyBeyond[uint32](t, dsn, "t_uint32", "BIGINT UNSIGNED", "18446744073709551000", "0 to 4294967295")
		madeKeyBeyond[int64](t, dsn, "t_int64", "BIGINT UNSIGNED", "9223372036854775808", "9223372036854775807")
		madeKeyBeyond[uint64](t, dsn, "t_uint64", "BIGINT UNSIGNED", "9223372036854775808", "0 to 9223372036854775807")
	})
}

// madeKeyBeyond inserts into a table whose next key does not fit, by each verb: no row stays.
func madeKeyBeyond[K comparable](t *testing.T, dsn, table, column, next, bounds string) {
	t.Run(table, func(t *testing.T) {
		db := open(t, dsn, &mysql.Options{Connections: 1})
		r := store.MustRepository[ticket[K], K](db, table, nil)
		require.NoError(t, r.EnsureSchema(t.Context()))
		behind := direct(t, dsn)
		sqltest.Do(t, behind, "ALTER TABLE "+table+" MODIFY id "+column+" NOT NULL AUTO_INCREMENT")
		fits := &ticket[K]{Note: "fits"}
		require.NoError(t, r.Insert(t.Context(), fits))
		sqltest.Do(t, behind, "ALTER TABLE "+table+" AUTO_INCREMENT="+next)
		refused := func(verb string, err error, entities ...*ticket[K]) {
			t.Helper()
			require.ErrorIs(t, err, store.ErrInvalid, verb)
			for _, text := range []string{"ID", table[2:], bounds} {
				assert.Contains(t, err.Error(), text, verb)
			}
			assert.False(t, store.MayHaveHappened(err), verb)
			for _, entity := range entities {
				assert.Equal(t, ticket[K]{Note: "x"}, *entity, verb)
			}
			assert.Equal(t, 1, sqltest.Value[int](t, behind, "SELECT COUNT(*) FROM "+table), "%s: rows", verb)
		}
		one := func() *ticket[K] { return &ticket[K]{Note: "x"} }
		for range 2 {
			a, b, c := one(), one(), one()
			refused("Insert", r.Insert(t.Context(), a), a)
			refused("InsertMany", r.InsertMany(t.Context(), []*ticket[K]{a, b, c}), a, b, c)
			refused("Atomic", db.Atomic(t.Context(), nil, func(ctx context.Context, tx *store.Tx) error {
				_, err := r.In(tx).Modify(ctx, fits.ID, func(e *ticket[K]) error { e.Note += "!"; return nil })
				if err != nil {
					return err
				}
				_ = r.In(tx).Insert(ctx, a)
				return nil
			}), a)
		}
		found, err := store.Collect(r.Find(t.Context(), store.Query{}))
		require.NoError(t, err)
		require.Len(t, found, 1)
		assert.Equal(t, "fits", found[0].Note)
		sqltest.Do(t, behind, "ALTER TABLE "+table+" AUTO_INCREMENT=2")
		require.NoError(t, r.Insert(t.Context(), one()), "the handle works on")
	})
}

// TestMadeKeyThatIsNone inserts into a table whose key is no AUTO_INCREMENT column: the server stores the
// column's default, and would tell the client no key.
func TestMadeKeyThatIsNone(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		db := open(t, dsn, nil)
		behind := direct(t, dsn)
		sqltest.Do(t, behind, `CREATE TABLE tickets (id BIGINT NOT NULL DEFAULT 0 PRIMARY KEY,
 version BIGINT NOT NULL DEFAULT 0, note TEXT)`)
		err := store.MustRepository[ticket[int64], int64](db, "tickets", nil).
			Insert(t.Context(), &ticket[int64]{Note: "x"})
		require.ErrorIs(t, err, store.ErrInvalid)
		assert.Contains(t, err.Error(), "ID: the database made no key")
		assert.Zero(t, sqltest.Value[int](t, behind, "SELECT COUNT(*) FROM tickets"))

		// A key that nobody has told cannot be taken back, which the error says.
		sqltest.Do(t, behind, "CREATE TRIGGER t BEFORE INSERT ON tickets FOR EACH ROW SET NEW.id = 7")
		err = store.MustRepository[ticket[int64], int64](db, "tickets", nil).
			Insert(t.Context(), &ticket[int64]{Note: "x"})
		require.ErrorIs(t, err, store.ErrUnknownOutcome)
		err = store.MustRepository[ticket[int32], int32](db, "tickets", nil).
			Insert(t.Context(), &ticket[int32]{Note: "x"})
		require.ErrorIs(t, err, store.ErrInvalid)
		require.ErrorContains(t, err, "the key that the database made is stored already")
		sqltest.Do(t, behind, "DELETE FROM tickets")
		err = store.MustRepository[ticket[int32], int32](db, "tickets", nil).
			Insert(t.Context(), &ticket[int32]{Note: "x"})
		require.ErrorIs(t, err, store.ErrInvalid)
		assert.Zero(t, sqltest.Value[int](t, behind, "SELECT COUNT(*) FROM tickets"))
	})
}

// TestMadeKeyTrips counts what a made key costs: nothing more than the INSERT where its field has 64 bits.
func TestMadeKeyTrips(t *testing.T) {
	onEachWire(t, func(t *testing.T, p *testbed.Proxy, dsn string) {
		db := open(t, p.DSN(dsn), &mysql.Options{Connections: 1})
		insert := func(r interface{ EnsureSchema(context.Context) error }, insert func() error, want int) {
			t.Helper()
			require.NoError(t, r.EnsureSchema(t.Context()))
			require.NoError(t, insert())
			p.Reset()
			require.NoError(t, insert())
			assert.Equal(t, want, p.Count())
		}
		wide := store.MustRepository[ticket[int64], int64](db, "wide", nil)
		insert(wide, func() error { return wide.Insert(t.Context(), &ticket[int64]{}) }, 1)
		narrow := store.MustRepository[ticket[int32], int32](db, "narrow", nil)
		insert(narrow, func() error { return narrow.Insert(t.Context(), &ticket[int32]{}) }, 3)
	})
}

//go:build unix

package testbed

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestProxyCountsMySQL counts what a hand-written client sends, so that the counts of a library can be believed.
func TestProxyCountsMySQL(t *testing.T) {
	t.Parallel()
	for _, c := range sqlServers {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := c.shared(t)
			p := NewProxy(t, s.Addr())
			db := openSQL(t, p.DSN(s.Database(t)))
			db.SetMaxOpenConns(1)
			ctx := t.Context()
			_, err := db.ExecContext(ctx, "CREATE TABLE one (id BIGINT PRIMARY KEY, v BIGINT)")
			require.NoError(t, err)
			kept, err := db.PrepareContext(ctx, "UPDATE one SET v = v + 1 WHERE id = ?")
			require.NoError(t, err)
			defer kept.Close()

			count := func(name string, want int, run func() error) {
				t.Helper()
				p.Reset()
				require.NoError(t, run(), name)
				assert.Equal(t, want, p.Count(), name)
			}
			count("text", 1, func() error {
				_, err := db.ExecContext(ctx, "INSERT INTO one VALUES (1, 0)")
				return err
			})
			count("kept statement", 1, func() error { _, err := kept.ExecContext(ctx, 1); return err })
			count("prepare, execute, close", 2, func() error {
				_, err := db.ExecContext(ctx, "UPDATE one SET v = v + 1 WHERE id = ?", 1)
				return err
			})
			count("the same twice, with the close between", 4, func() error {
				for range 2 {
					if _, err := db.ExecContext(ctx, "UPDATE one SET v = v + 1 WHERE id = ?", 1); err != nil {
						return err
					}
				}
				return nil
			})
			assert.Contains(t, []int{1, 2, 3}, p.Closes(), "the one between has arrived, the last may not have")
			count("begin, two statements, commit", 4, func() error {
				tx, err := db.BeginTx(ctx, nil)
				if err != nil {
					return err
				}
				for range 2 {
					if _, err := tx.StmtContext(ctx, kept).ExecContext(ctx, 1); err != nil {
						return err
					}
				}
				return tx.Commit()
			})
		})
	}
}

// TestProxyLosesTheAnswerToCommit makes the outcome unknown to the client on a real server, both ways.
func TestProxyLosesTheAnswerToCommit(t *testing.T) {
	t.Parallel()
	for _, c := range sqlServers {
		for _, test := range []struct {
			name   string
			action Action
			want   int
		}{{"BeforeTheServer", Cut, 0}, {"AfterTheServer", CutAfter, 1}, {"ResetAfterTheServer", ResetAfter, 1}} {
			t.Run(c.name+test.name, func(t *testing.T) {
				t.Parallel()
				s := c.shared(t)
				dsn := s.Database(t)
				direct := openSQL(t, dsn)
				_, err := direct.ExecContext(t.Context(), "CREATE TABLE one (id BIGINT PRIMARY KEY)")
				require.NoError(t, err)
				p := NewProxy(t, s.Addr())
				db := openSQL(t, p.DSN(dsn))
				p.OnClient(Once("COMMIT", test.action))

				tx, err := db.BeginTx(t.Context(), nil)
				require.NoError(t, err)
				_, err = tx.ExecContext(t.Context(), "INSERT INTO one VALUES (1)")
				require.NoError(t, err)
				require.Error(t, tx.Commit())
				var rows int
				require.NoError(t, direct.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM one").Scan(&rows))
				assert.Equal(t, test.want, rows)
			})
		}
	}
}

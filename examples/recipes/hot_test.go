package recipes

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/internal/testbed"
	"github.com/stillframe/stillframe/mysql"
	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/memstore"
)

func TestVisitors(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(t *testing.T) (*store.DB, error){
		"Embedded": func(*testing.T) (*store.DB, error) { return memstore.Open(nil), nil },
		"MySQL": func(t *testing.T) (*store.DB, error) {
			return mysql.Open(t.Context(), testbed.MySQL(t).Database(t), nil)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, err := open(t)
			require.NoError(t, err)
			t.Cleanup(func() { _ = db.Close() })
			v := &Visitors{DB: db, Shares: store.MustRepository[Share, ShareID](db, "shares", nil)}
			require.NoError(t, v.Shares.EnsureSchema(t.Context()))
			var group sync.WaitGroup
			for range 32 {
				group.Go(func() {
					for range 5 {
						assert.NoError(t, v.Add(t.Context(), 380, 2))
					}
					assert.NoError(t, v.Add(t.Context(), 381, 1))
				})
			}
			group.Wait()
			total, err := v.Total(t.Context(), 380)
			require.NoError(t, err)
			assert.Equal(t, int64(320), total)
		})
	}
}

func TestMatches(t *testing.T) {
	t.Parallel()
	db := memstore.Open(nil)
	matches, err := OpenMatches(db)
	require.NoError(t, err)
	require.NoError(t, matches.Insert(t.Context(), &Match{ID: 380}))
	var group sync.WaitGroup
	for range 32 {
		group.Go(func() {
			for range 5 {
				m, err := matches.Modify(t.Context(), 380, func(m *Match) error { m.Cheers++; return nil })
				assert.NoError(t, err)
				assert.Equal(t, m.Cheers+1, m.Version)
			}
		})
	}
	group.Wait()
	m, err := matches.Get(t.Context(), 380)
	require.NoError(t, err)
	assert.Equal(t, int64(160), m.Cheers)
}

package sqltest

import (
	"database/sql"
	"errors"
	"net"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store"
)

// ServerIsAway has nothing listen at the address that open dials as someone with the password secret.
func ServerIsAway(t *testing.T, open func(address string) error) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	require.NoError(t, err)
	address := listener.Addr().String()
	require.NoError(t, listener.Close())
	err = open(address)
	require.ErrorIs(t, err, store.ErrTransient)
	Discreet(t, err)
	_, ok := errors.AsType[*net.OpError](err)
	require.True(t, ok, "the driver's error is reachable")
}

// Discreet checks that an error names neither the user someone nor the password secret.
func Discreet(t testing.TB, err error) {
	t.Helper()
	assert.NotContains(t, err.Error(), "secret")
	assert.NotContains(t, err.Error(), "someone")
}

// Audited checks that New has refused a pool for each word, and has taken it where there is none.
func Audited(t *testing.T, db *store.DB, err error, words []string) {
	t.Helper()
	if len(words) == 0 {
		require.NoError(t, err)
		require.NoError(t, db.Close())
		return
	}
	require.ErrorIs(t, err, store.ErrInvalid)
	for _, word := range words {
		assert.ErrorContains(t, err, word)
	}
}

// PoolStaysOpen closes a handle on a caller's pool, which stays open, and then the pool under another
// handle, which again makes.
func PoolStaysOpen(t *testing.T, db *store.DB, callers *sql.DB, again func() (*store.DB, error)) {
	r := store.MustRepository[Club, int64](db, "clubs", nil)
	require.NoError(t, db.Close())
	require.NoError(t, callers.PingContext(t.Context()))
	_, err := r.Get(t.Context(), 1)
	require.ErrorIs(t, err, store.ErrClosed)
	other, err := again()
	require.NoError(t, err)
	require.NoError(t, callers.Close())
	_, err = store.MustRepository[Club, int64](other, "clubs", nil).Get(t.Context(), 1)
	require.ErrorIs(t, err, store.ErrClosed, "the caller has closed the pool")
}

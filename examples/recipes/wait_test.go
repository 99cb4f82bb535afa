package recipes

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/stillframe/stillframe/refresh"
)

// eventually waits until the club is as the test expects, and returns that copy. Where it never is, it fails the test
// with what was waited for, and which version was read last.
func eventually(t testing.TB, clubs Clubs, id int64, what string, expected func(c Club) bool) Club {
	t.Helper()
	club, err := refresh.Wait(t.Context(), clubs, id, func(c Club) (bool, error) {
		return expected(c), nil
	}, &refresh.Options{Name: what, Timeout: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	return club
}

// TestEventually waits for what another goroutine writes.
func TestEventually(t *testing.T) {
	t.Parallel()
	_, clubs := newClubs(t, nil)
	go func() {
		_, err := clubs.Modify(t.Context(), 7, func(c *Club) error { c.Balance = 0; return nil })
		assert.NoError(t, err)
	}()
	club := eventually(t, clubs, 7, "the club is broke", func(c Club) bool { return c.Balance == 0 })
	assert.Equal(t, int64(2), club.Version)
}

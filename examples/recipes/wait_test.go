package recipes

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// eventually reads the club until it is as the test expects, and returns that copy. It fails the test with the state
// that it saw last.
func eventually(t testing.TB, clubs Clubs, id int64, expected func(c Club) bool) Club {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for pause := time.Millisecond; ; pause = min(2*pause, 250*time.Millisecond) {
		club, err := clubs.Get(ctx, id)
		if err == nil && expected(club) {
			return club
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			t.Fatalf("club %d is %+v (%v)", id, club, err)
		}
	}
}

// TestEventually waits for what another goroutine writes.
func TestEventually(t *testing.T) {
	t.Parallel()
	_, clubs := newClubs(t, nil)
	go func() {
		_, err := clubs.Modify(t.Context(), 7, func(c *Club) error { c.Balance = 0; return nil })
		assert.NoError(t, err)
	}()
	club := eventually(t, clubs, 7, func(c Club) bool { return c.Balance == 0 })
	assert.Equal(t, int64(2), club.Version)
}

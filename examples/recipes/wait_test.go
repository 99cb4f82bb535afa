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

// sameStored fails the test where two copies of a club do not hold the same, whenever each was read.
func sameStored(t testing.TB, clubs Clubs, want, have Club) {
	t.Helper()
	if fields := clubs.Different(want, have); len(fields) > 0 {
		t.Fatalf("differ in %v:\n%+v\n%+v", fields, want, have)
	}
}

// TestSameStored compares what was inserted with what is read.
func TestSameStored(t *testing.T) {
	t.Parallel()
	_, clubs := newClubs(t, nil)
	inserted := Club{ID: 8, Name: "Ajax"}
	assert.NoError(t, clubs.Insert(t.Context(), &inserted))
	read, err := clubs.Get(t.Context(), 8)
	assert.NoError(t, err)
	assert.NotEqual(t, inserted, read, "read later")
	sameStored(t, clubs, inserted, read)
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

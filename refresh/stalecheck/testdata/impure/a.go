package impure

import (
	"context"

	"github.com/stillframe/stillframe/store"
)

type state struct{ n int }

// run has a function that is found, and one that sets what it adds to.
func run(ctx context.Context, db *store.DB, repo *store.Repository[state, int], told chan int) {
	var n, total int
	var names []string
	s := state{}
	_, _ = repo.Modify(ctx, 1, func(c *state) error {
		n++                        // want `the function of Modify adds to n, and may run several times`
		total += c.n               // want `the function of Modify adds to total`
		names = append(names, "x") // want `the function of Modify adds to names`
		s.n--                      // want `the function of Modify adds to s`
		told <- 1                  // want `the function of Modify sends on a channel`
		c.n++
		return nil
	})
	_ = db.Atomic(ctx, nil, func(ctx context.Context, tx *store.Tx) error {
		n, names = 0, nil
		n++
		names = append(names, "x")
		own := 0
		own++
		return nil
	})
	func() { n++ }()
}

package droppederr

import (
	"context"
	"maps"

	"github.com/stillframe/stillframe/store"
)

type clubs struct{ *store.Repository[int, int] }

// all has the loops that are found, and two that are not.
func all(ctx context.Context, repo clubs) (n int) {
	for range repo.Find(ctx, store.Query{}) { // want `the loop drops the error of Find`
		n++
	}
	for c := range repo.Find(ctx, store.Query{}) { // want `the loop drops the error of Find`
		n += c
	}
	for c, _ := range repo.Find(ctx, store.Query{}) { // want `the loop drops the error of Find`
		n += c
	}
	for c, err := range repo.Find(ctx, store.Query{}) {
		if err != nil {
			return 0
		}
		n += c
	}
	for k := range maps.All(map[int]error{}) {
		n += k
	}
	return n
}

package recipes

import (
	"context"
	"math/rand/v2"

	"github.com/stillframe/stillframe/store"
)

// Match is an entity that many change at once.
type Match struct {
	store.Snapshot `bson:",inline"`
	ID             int64 `db:"id" bson:"_id" store:"key"`
	Cheers         int64 `db:"cheers" bson:"cheers"`
}

// OpenMatches makes a repository of matches that thousands follow and change. Those who wait for a match at the same
// time have their functions run one after another, and one write stores what all of them have changed. Each call
// still has a version and a result of its own. Its function should do nothing but change the entity.
func OpenMatches(db *store.DB) (*store.Repository[Match, int64], error) {
	return store.NewRepository[Match, int64](db, "matches", &store.RepositoryOptions{Combine: true})
}

// Share is one part of a counter that many write at once.
type Share struct {
	store.Snapshot `bson:",inline"`
	ID             ShareID `bson:"_id" store:"key"`
	Count          int64   `db:"count" bson:"count"`
}

// ShareID names a part of the counter of a match.
type ShareID struct {
	Match int64 `db:"match_id" bson:"match_id"`
	Part  int64 `db:"part" bson:"part"`
}

// Visitors counts the visitors of matches.
type Visitors struct {
	DB     *store.DB
	Shares *store.Repository[Share, ShareID]
}

// parts is how many rows a counter has: about as many as there are writers at a time.
const parts = 16

// Add counts n visitors in one of the parts, so that two writers seldom meet in one row.
func (v *Visitors) Add(ctx context.Context, match, n int64) error {
	id := ShareID{match, rand.Int64N(parts)}
	_, err := v.Shares.Upsert(ctx, id, func(s *Share, _ bool) error { s.Count += n; return nil })
	return err
}

// Total adds up the parts as of one moment.
func (v *Visitors) Total(ctx context.Context, match int64) (total int64, err error) {
	err = v.DB.View(ctx, nil, func(ctx context.Context, tx *store.Tx) error {
		total = 0 // the function may run again
		for share, err := range v.Shares.In(tx).Find(ctx, store.Where("ID.Match", store.Eq, match)) {
			if err != nil {
				return err
			}
			total += share.Count
		}
		return nil
	})
	return total, err
}

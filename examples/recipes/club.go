package recipes

import "github.com/stillframe/stillframe/store"

// Club is the entity of most recipes.
type Club struct {
	store.Snapshot `bson:",inline"`
	ID             int64  `db:"id" bson:"_id" store:"key"`
	Name           string `db:"name" bson:"name" store:"size=60,unique"`
	Balance        int64  `db:"balance" bson:"balance"`
}

// Clubs is how a program names its repository, and adds queries of its own to it.
type Clubs struct {
	*store.Repository[Club, int64]
}

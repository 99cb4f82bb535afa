// Package fields has queries that are wrong in one way each, or right. Package run hands them to a repository, which
// says the same of each.
package fields

import (
	"context"
	"database/sql"
	"time"

	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/memstore"
)

type (
	seat struct {
		Season int32
		Club   string
	}
	rank   int8
	player struct {
		store.Snapshot `bson:",inline"`
		base           `bson:",inline"`
		ID             seat       `store:"key"`
		Name           string     `db:"full_name" bson:"full_name"`
		Nick           *string    `store:"size=20"`
		Level          int8       `store:"index"`
		Rank           rank       `store:"index"`
		Gold           uint32     `store:"index"`
		Speed          float64    `store:"index"`
		Price          string     `store:"decimal=19.4"`
		Active         bool       `store:"index"`
		Raw            []byte     `store:"size=20"`
		UUID           [16]byte   `store:"index"`
		Born           time.Time  `store:"created"`
		Seen           *time.Time `store:"index"`
		Left           sql.Null[int16]
		Tags           []string
	}
	base struct {
		Country string
		Hidden  string `db:"-" bson:"-"`
	}
	moment time.Time
	level  int
)

type players struct {
	*store.Repository[player, seat]
}

// All counts by each query. Each is an error, which says what is found here.
func All(said func(error)) {
	ctx, db := context.Background(), memstore.Open(nil)
	r := players{store.MustRepository[player, seat](db, "players", nil)}
	count := func(_ int64, err error) { said(err) }

	count(r.Count(ctx, store.Where("Nmae", store.Eq, "x")))            // want `no stored field "Nmae": is it "Name"\?`
	count(r.Count(ctx, store.Where("full_name", store.Eq, "x")))       // want `is it "Name"\?`
	count(r.Count(ctx, store.Where("name", store.Eq, "x")))            // want `is it "Name"\?`
	count(r.Count(ctx, store.Where("Hidden", store.Eq, "x")))          // want `no stored field "Hidden" \(it has`
	count(r.Count(ctx, store.Where("ReadAt", store.Eq, "x")))          // want `no stored field "ReadAt"`
	count(r.Count(ctx, store.Where("Season", store.Eq, 1)))            // want `no stored field "Season"`
	count(r.Count(ctx, store.Where("ID", store.Eq, seat{})))           // want `ID is a composite key: compare`
	count(r.Count(ctx, store.Where("ID.Season", store.Eq, "x")))       // want `ID.Season: a value of type`
	count(r.Count(ctx, store.Where("Tags", store.Eq, "x")))            // want `Tags cannot be compared: it`
	count(r.Count(ctx, store.Where("Raw", store.Lt, []byte("x"))))     // want `Raw cannot be compared by Lt`
	count(r.Count(ctx, store.Where("Level", store.Prefix, 1)))         // want `Level cannot be compared by Prefix`
	count(r.Count(ctx, store.Where("Level", store.Eq, "1")))           // want `string does not convert to int8`
	count(r.Count(ctx, store.Where("Level", store.Eq, 300)))           // want `int8, which holds -128 to 127`
	count(r.Count(ctx, store.Where("Rank", store.Ge, 1.5)))            // want `float64 does not convert to fields.rank`
	count(r.Count(ctx, store.Where("Gold", store.Eq, -1)))             // want `uint32, which holds 0 to 4294967295`
	count(r.Count(ctx, store.Where("Speed", store.Eq, 1<<60)))         // want `float64, which holds every integer from`
	count(r.Count(ctx, store.Where("Price", store.Eq, 1.5)))           // want `float64 does not convert to string`
	count(r.Count(ctx, store.Where("Active", store.Eq, 1)))            // want `int does not convert to bool`
	count(r.Count(ctx, store.Where("Name", store.Eq, 'x')))            // want `int32 does not convert to string`
	count(r.Count(ctx, store.Where("Name", store.Gt, nil)))            // want `nil can be compared by Eq and Ne alone`
	count(r.Count(ctx, store.Where("Raw", store.Eq, "x")))             // want `string does not convert to \[\]uint8`
	count(r.Count(ctx, store.Where("UUID", store.Eq, [8]byte{})))      // want `uint8 does not convert to \[16\]uint8`
	count(r.Count(ctx, store.Where("Born", store.Lt, "2026")))         // want `string does not convert to time.Time`
	count(r.Count(ctx, store.Where("Seen", store.Lt, 2026)))           // want `int does not convert to time.Time`
	count(r.Count(ctx, store.Where("Left", store.Eq, "x")))            // want `string does not convert to int16`
	count(r.Count(ctx, store.Where("Nick", store.Eq, new(1))))         // want `\*int does not convert to string`
	count(r.Count(ctx, store.Where("Level", store.In, 1)))             // want `Level: In needs a slice`
	count(r.Count(ctx, store.Where("Level", store.In, nil)))           // want `Level: In needs a slice`
	count(r.Count(ctx, store.Where("Level", store.In, []int{1, 300}))) // want `int8, which holds -128 to 127`
	count(r.Count(ctx, store.Where("Level", store.In, []string{"x"}))) // want `string does not convert to int8`
	count(r.Count(ctx, store.Where("Level", store.In, []any{1, "x"}))) // want `string does not convert to int8`

	count(r.Count(ctx, store.AllOf(store.Not(store.AnyOf(store.Where("Levl", store.Eq, 1)))))) // want `is it "Level"`
	count(r.Count(ctx, store.Query{}.And("Level", store.Eq, 1).And("Rnak", store.Eq, 1)))      // want `is it "Rank"`
	count(r.Count(ctx, store.Where("Glod", store.Eq, 1).Limit(1).From("")))                    // want `is it "Gold"`
	count(r.Count(ctx, store.Query{}.OrderBy("Name", "Levels")))                               // want `is it "Level"`
	count(r.Count(ctx, store.Query{}.OrderByDesc("Raw")))                                      // want `Raw cannot be`

	names := []string{"x"}
	count(r.Count(ctx, store.Where("Level", store.In, names))) // want `string does not convert to int8`

	rich := store.Where("Golf", store.Gt, 100) // want `is it "Gold"`
	rich = rich.And("Level", store.Gt, 1).OrderBy("Gold")
	count(r.Count(ctx, rich))
	var some store.Query
	if db != nil {
		some = some.And("Lefl", store.Eq, 1) // want `is it "Left"`
	}
	count(r.Count(ctx, some))
}

package fields

import (
	"context"
	"time"

	"github.com/stillframe/stillframe/refresh"
	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/edit"
	"github.com/stillframe/stillframe/store/memstore"
)

// Right counts by queries that are no errors.
func Right(said func(error)) {
	ctx := context.Background()
	r := players{store.MustRepository[player, seat](memstore.Open(nil), "players", nil)}
	count := func(_ int64, err error) { said(err) }
	name, n := "x", 1
	count(r.Count(ctx, store.Where("Name", store.Eq, &name)))
	count(r.Count(ctx, store.Where("Country", store.Prefix, "x").And("ID.Club", store.Eq, name)))
	count(r.Count(ctx, store.Where("Nick", store.Eq, nil)))
	count(r.Count(ctx, store.Where("Nick", store.Prefix, "x")))
	count(r.Count(ctx, store.Where("Level", store.Ge, level(3)).And("Level", store.Lt, n)))
	count(r.Count(ctx, store.Where("Rank", store.In, []rank{1}).And("Rank", store.In, [2]int{1, 2})))
	count(r.Count(ctx, store.Where("Rank", store.In, []any{1, nil, rank(2)})))
	count(r.Count(ctx, store.Where("Gold", store.Eq, uint8(1)).And("Gold", store.Ne, 'x')))
	count(r.Count(ctx, store.Where("Speed", store.Eq, 1).And("Speed", store.Lt, float32(1))))
	count(r.Count(ctx, store.Where("Price", store.Eq, 1).And("Price", store.Lt, "1.5")))
	count(r.Count(ctx, store.Where("Born", store.Lt, moment(time.Now())).And("Seen", store.Lt, new(time.Now()))))
	count(r.Count(ctx, store.Where("Left", store.Eq, 12).And("Left", store.Ne, nil)))
	count(r.Count(ctx, store.Where("UUID", store.Eq, [16]byte{}).And("Raw", store.Eq, []byte("x"))))
	count(r.Count(ctx, store.Where("Version", store.Gt, 0).OrderBy("ID", "Version", "Name")))
}

// more are queries of other calls, and those of which nothing is known.
func more(ctx context.Context, r players, names []string, given store.Query, value any) {
	for range refresh.Follow(ctx, r, store.Where("Nmae", store.Eq, "x"), nil) { // want `is it "Name"`
	}
	fn := func(*player) error { return nil }
	_ = edit.New(r, "x", store.Where("Level", store.Eq, "x"), fn, nil) // want `does not convert to int8`
	_, _ = r.DeleteWhere(ctx, store.Where("Rak", store.Eq, 1), 10)     // want `no stored field "Rak" \(it has`

	_, _ = r.First(ctx, given)
	_, _ = r.First(ctx, store.Where(names[0], store.Eq, 1))
	_, _ = r.First(ctx, store.Where("Level", store.Eq, value).And("Level", store.In, value))
	q := store.Where("Gold", store.Eq, 1)
	if value != nil {
		q = store.Where("Club", store.Eq, 1) // for another repository, perhaps
	}
	_, _ = r.First(ctx, q)
	//stalecheck:ignore the mistake is shown here
	_, _ = r.First(ctx, store.Where("Nmae", store.Eq, 1))
}

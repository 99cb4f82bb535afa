package mongo_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/stillframe/stillframe/internal/testbed"
	"github.com/stillframe/stillframe/mongo"
	"github.com/stillframe/stillframe/store"
)

type bet struct {
	store.Snapshot `bson:",inline"`
	ID             int64   `bson:"_id" store:"key"`
	Odds           string  `bson:"odds" store:"decimal=9.2"`
	Least          *string `bson:"least" store:"decimal=9.2"`
	Legs           []leg   `bson:"legs"`
}

type leg struct {
	Match int64 `bson:"match"`
}

// A decimal that another program stored as a double compares as the number that is read. One that is text, and a
// double under an order, are refused by name; CheckSchema has the conversion.
func TestDecimalsOfOtherTypes(t *testing.T) {
	t.Parallel()
	set := testbed.Mongo(t)
	db := open(t, set.URI(), set.Database(t), nil)
	native, ok := mongo.Native(db)
	require.True(t, ok)
	c := native.Collection("bets")
	r, err := store.NewRepository[bet, int64](db, "bets", nil)
	require.NoError(t, err)
	values := []string{"1.10", "1.20", "1.25", "1.30", "1.40", "1.50", "1.70", "2.30"}
	for i, text := range values {
		require.NoError(t, r.Insert(t.Context(), &bet{ID: int64(i), Odds: text}))
		var x float64
		_, err := fmt.Sscan(text, &x)
		require.NoError(t, err)
		put(t, c, bson.D{
			{Key: "_id", Value: int64(i + 100)}, {Key: "version", Value: int64(1)}, {Key: "odds", Value: x},
		})
	}
	for i, text := range values {
		for op, want := range map[store.Op]int{
			store.Eq: 2, store.Ne: 2 * (len(values) - 1), store.Lt: 2 * i, store.Le: 2 * (i + 1),
			store.Gt: 2 * (len(values) - 1 - i), store.Ge: 2 * (len(values) - i),
		} {
			n, err := r.Count(t.Context(), store.Where("Odds", op, text))
			require.NoError(t, err)
			assert.EqualValues(t, want, n, "%v %s", op, text)
			all, err := store.Collect(r.Find(t.Context(), store.Where("Odds", op, text)))
			require.NoError(t, err)
			assert.Len(t, all, want, "%v %s", op, text)
		}
		n, err := r.Count(t.Context(), store.Where("Odds", store.In, []string{text, "9.99"}))
		require.NoError(t, err)
		assert.EqualValues(t, 2, n)
	}
	refused := func(err error, what string) {
		t.Helper()
		require.ErrorIs(t, err, store.ErrInvalid, what)
		assert.Contains(t, err.Error(), "Odds: a stored value has the BSON type", what)
	}
	for size := 1; size < 2*len(values)+1; size++ {
		pages, err := store.NewRepository[bet, int64](db, "bets", &store.RepositoryOptions{PageSize: size})
		require.NoError(t, err)
		for _, query := range []store.Query{(store.Query{}).OrderBy("Odds"), (store.Query{}).OrderByDesc("Odds")} {
			_, err = store.Collect(pages.Find(t.Context(), query))
			refused(err, fmt.Sprint("doubles under an order, in pages of ", size))
		}
	}

	// 1.3 lies a little above 1.30, and comes behind it whatever its key is.
	pair, err := store.NewRepository[bet, int64](db, "pairs", &store.RepositoryOptions{PageSize: 1})
	require.NoError(t, err)
	require.NoError(t, pair.Insert(t.Context(), &bet{ID: 5, Odds: "1.30"}))
	put(t, native.Collection("pairs"), bson.D{
		{Key: "_id", Value: int64(3)}, {Key: "version", Value: int64(1)}, {Key: "odds", Value: 1.3},
	})
	_, err = store.Collect(pair.Find(t.Context(), (store.Query{}).OrderBy("Odds")))
	refused(err, "a double between two pages")

	_, err = c.UpdateMany(t.Context(), bson.D{{Key: "_id", Value: bson.D{{Key: "$gte", Value: int64(100)}}}},
		bson.A{bson.D{{Key: "$set", Value: bson.D{{Key: "odds", Value: bson.D{{Key: "$toString", Value: "$odds"}}}}}}})
	require.NoError(t, err)
	_, err = r.Get(t.Context(), 100)
	require.NoError(t, err, "it can be read")
	for size := 1; size < 2*len(values)+1; size++ {
		pages, err := store.NewRepository[bet, int64](db, "bets", &store.RepositoryOptions{PageSize: size})
		require.NoError(t, err)
		for _, query := range []store.Query{
			(store.Query{}).OrderBy("Odds"), (store.Query{}).OrderByDesc("Odds"), store.Where("Odds", store.Gt, "1.00"),
			store.Not(store.Where("Odds", store.Eq, "1.50")),
		} {
			_, err = store.Collect(pages.Find(t.Context(), query))
			refused(err, fmt.Sprint("text, in pages of ", size))
		}
	}
	_, err = r.Count(t.Context(), store.Where("Odds", store.Gt, "1.00"))
	refused(err, "Count")
	n, err := r.Count(t.Context(), store.Where("Odds", store.Gt, "1.00").And("ID", store.Lt, 100))
	require.NoError(t, err)
	assert.EqualValues(t, len(values), n, "only what the rest of the query selects counts")
}

// CheckSchema names what would be lost in elements, and decimals in another form.
func TestCheckSchemaNamesWhatElementsHold(t *testing.T) {
	t.Parallel()
	set := testbed.Mongo(t)
	db := open(t, set.URI(), set.Database(t), nil)
	native, ok := mongo.Native(db)
	require.True(t, ok)
	r, err := store.NewRepository[bet, int64](db, "bets", nil)
	require.NoError(t, err)
	require.NoError(t, r.EnsureSchema(t.Context()))
	put(t, native.Collection("bets"), bson.D{
		{Key: "_id", Value: int64(1)},
		{Key: "version", Value: int64(1)},
		{Key: "odds", Value: 1.5},
		{Key: "legs", Value: bson.A{bson.D{{Key: "match", Value: int64(1)}, {Key: "_cls", Value: "Leg"}}}},
		{Key: "other", Value: "not mapped"},
	})
	differences, err := r.CheckSchema(t.Context())
	require.NoError(t, err)
	problems := map[string]string{}
	for _, d := range differences {
		problems[d.Name] = d.Problem
	}
	assert.Contains(t, problems["legs._cls"], "takes it away")
	assert.Contains(t, problems["odds"], "some documents hold the type double")
	assert.Len(t, problems, 2)
}

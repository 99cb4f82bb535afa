package mongo_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/stillframe/stillframe/internal/testbed"
	"github.com/stillframe/stillframe/mongo"
	"github.com/stillframe/stillframe/store"
)

// priced holds a closed type, whose Value and Scan BSON would pass over, beside what package store
// must go on checking.
type priced struct {
	Price money          `bson:"price"`
	Stamp bson.Timestamp `bson:"stamp"`
	Rate  bson.Decimal128
	Name  string
	Since time.Time
	Ratio float64
}

type shop struct {
	store.Snapshot `bson:",inline"`
	ID             int64             `bson:"_id" store:"key"`
	Offers         map[string]priced `bson:"offers"`
}

// A codec inside a nested value hides that value alone: times beside it are cut, in memory too, and
// what cannot be stored is refused.
func TestNestedCodecsHideNothingElse(t *testing.T) {
	t.Parallel()
	set := testbed.Mongo(t)
	db := open(t, set.URI(), set.Database(t), nil)
	r, err := store.NewRepository[shop, int64](db, "shops", nil)
	require.NoError(t, err)
	exact := time.Date(2016, 5, 2, 21, 0, 0, 123_456_789, time.FixedZone("BST", 3600))
	rate, err := bson.ParseDecimal128("1.5")
	require.NoError(t, err)
	s := shop{
		ID:     1,
		Offers: map[string]priced{"shirt": {Price: money{49}, Stamp: bson.Timestamp{T: 1}, Rate: rate, Since: exact}},
	}
	require.NoError(t, r.Insert(t.Context(), &s))
	assert.Equal(t, exact.UTC().Truncate(time.Millisecond), s.Offers["shirt"].Since, "cut in memory")
	have, err := r.Get(t.Context(), 1)
	require.NoError(t, err)
	assert.Equal(t, s.Offers, have.Offers)
	for name, bad := range map[string]priced{
		"text": {Name: "\xff"}, "number": {Ratio: math.NaN()},
		"time": {Since: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)},
	} {
		err := r.Insert(t.Context(), &shop{ID: 2, Offers: map[string]priced{"a": bad}})
		require.ErrorIs(t, err, store.ErrInvalid, name)
		assert.Contains(t, err.Error(), "Offers", name)
	}
}

// loose holds values of any type, which do not come back as they were.
type loose struct {
	store.Snapshot `bson:",inline"`
	ID             int64 `bson:"_id" store:"key"`
	A              struct {
		Price money
		Any   any
	} `bson:"a"`
	B struct{ Doc bson.D } `bson:"b"`
	C struct{ In hidden }  `bson:"c"`
}

type hidden struct{ n int }

var _ = hidden{}.n // used here alone

func TestNestedFaultsAreNamed(t *testing.T) {
	t.Parallel()
	set := testbed.Mongo(t)
	db := open(t, set.URI(), set.Database(t), nil)
	_, err := store.NewRepository[loose, int64](db, "c", nil)
	require.ErrorIs(t, err, store.ErrInvalid)
	for _, field := range []string{"loose.A", "loose.B", "loose.C"} {
		assert.Contains(t, err.Error(), field)
	}

	// With a codec of the caller's even a closed type is stored.
	registry := bson.NewRegistry()
	registry.RegisterTypeEncoder(typeOf[colour](), bson.ValueEncoderFunc(encodeColour))
	registry.RegisterTypeDecoder(typeOf[colour](), bson.ValueDecoderFunc(decodeColour))
	type kit struct {
		store.Snapshot `bson:",inline"`
		ID             int64 `bson:"_id" store:"key"`
		Shirts         []struct{ In colour }
	}
	_, err = store.NewRepository[kit, int64](db, "c", nil)
	require.ErrorIs(t, err, store.ErrInvalid)
	db = open(t, set.URI(), set.Database(t), &mongo.Options{Registry: registry})
	kits, err := store.NewRepository[kit, int64](db, "c", nil)
	require.NoError(t, err)
	require.NoError(t, kits.Insert(t.Context(), &kit{ID: 1, Shirts: []struct{ In colour }{{colour{"blue"}}}}))
	have, err := kits.Get(t.Context(), 1)
	require.NoError(t, err)
	assert.Equal(t, colour{"blue"}, have.Shirts[0].In)
}

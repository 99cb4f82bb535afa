package mongo

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"
)

// The text of a condition tells it from others, and is the same whatever the order in which Go gives a map's keys.
func TestNativeText(t *testing.T) {
	t.Parallel()
	text := func(d bson.D) string {
		b, err := nativeText(d, nil)
		require.NoError(t, err)
		return string(b)
	}
	condition := func(value any) bson.D {
		inner := bson.M{"$gt": value, "$lt": 9, "$ne": 4, "$exists": true, "$type": "int"}
		list := []bson.M{{"c": 1, "d": map[string]any{"e": 2, "f": 3}}}
		return bson.D{{Key: "$or", Value: bson.A{bson.M{"a": inner, "b": 1}, list}}}
	}
	for range 50 {
		require.Equal(t, text(condition(1)), text(condition(1)))
	}
	require.NotEqual(t, text(condition(1)), text(condition(2)))
	require.NotEqual(t, text(condition(1)), text(condition(1.0)))
	_, err := nativeText("x", nil)
	require.Error(t, err)
}

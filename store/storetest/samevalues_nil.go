package storetest

import (
	"database/sql"
	"encoding/json"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store"
)

// What is stored as null behind a pointer, and times in sql.Null inside nested values, as part of SameValues.
var _ = register(
	"SameValues",
	Test{Name: "NullBehindAPointer", run: valuesNull},
	Test{Name: "TimesInNullsInsideNestedValues", run: valuesNullTimes},
)

// seventh has JSON of its own, which is null for 7.
type seventh struct{ N int64 }

// MarshalJSON implements [json.Marshaler].
func (s seventh) MarshalJSON() ([]byte, error) {
	if s.N == 7 {
		return []byte("null"), nil
	}
	return json.Marshal(s.N)
}

// UnmarshalJSON implements [json.Unmarshaler].
func (s *seventh) UnmarshalJSON(text []byte) error {
	if s.N = 7; string(text) == "null" {
		return nil
	}
	return json.Unmarshal(text, &s.N)
}

type nils struct {
	store.Snapshot `bson:",inline"`

	ID       int64                `db:"id" bson:"_id" store:"key"`
	Slice    *[]string            `db:"slice" bson:"slice"`
	Map      *map[string]int64    `db:"map_v" bson:"map_v"`
	Null     sql.Null[[]string]   `db:"null_v" bson:"null_v"`
	Pointers []**int64            `db:"pointers" bson:"pointers"`
	Slices   map[string]*[]string `db:"slices" bson:"slices"`
	Coded    []*seventh           `db:"coded" bson:"coded"`
	CodedMap map[string]*seventh  `db:"coded_map" bson:"coded_map"`
	CodedP   *seventh             `db:"coded_p" bson:"coded_p"`
}

// valuesNull stores what is null behind a pointer that is not nil, at every place: it comes back, or it is refused by
// the field's name. What is not null comes back.
func valuesNull(e *env) {
	r := newRepository[nils](e, "nils", byID)
	id := int64(0)
	store1 := func(field string, n nils, mayRefuse bool) {
		e.Helper()
		id++
		n.ID = id
		err := r.Insert(e.ctx, &n)
		if err != nil && mayRefuse {
			e.only(err, store.ErrInvalid)
			e.names(err, field)
			return
		}
		require.NoError(e, err, field)
		have := r.get(id)
		have.Snapshot = n.Snapshot
		require.Equal(e, n, have, field)
	}
	one := pointer(int64(1))
	store1("all", nils{
		Slice: &[]string{}, Map: &map[string]int64{}, Null: sql.Null[[]string]{V: []string{}, Valid: true},
		Pointers: []**int64{&one, nil}, Slices: map[string]*[]string{"a": {"x"}, "b": nil},
		Coded: []*seventh{{1}, nil}, CodedMap: map[string]*seventh{"a": {1}, "b": nil}, CodedP: &seventh{1},
	}, false)
	var none []string
	var noMap map[string]int64
	var noInt *int64
	store1("Slice", nils{Slice: &none}, true)
	store1("Map", nils{Map: &noMap}, true)
	store1("Null", nils{Null: sql.Null[[]string]{Valid: true}}, true)
	store1("Pointers", nils{Pointers: []**int64{&noInt}}, true)
	store1("Slices", nils{Slices: map[string]*[]string{"a": &none}}, true)
	store1("Coded", nils{Coded: []*seventh{{7}}}, true)
	store1("CodedMap", nils{CodedMap: map[string]*seventh{"a": {7}}}, true)
	store1("CodedP", nils{CodedP: &seventh{7}}, true)
}

// timed has times in sql.Null inside nested values.
type timed struct {
	store.Snapshot `bson:",inline"`

	ID    int64                           `db:"id" bson:"_id" store:"key"`
	Times []sql.NullTime                  `db:"times" bson:"times"`
	Nulls map[string]sql.Null[*time.Time] `db:"nulls" bson:"nulls"`
	In    timedIn                         `db:"nested" bson:"nested"`
}

type timedIn struct {
	At sql.Null[time.Time]
}

// valuesNullTimes writes times that are too fine and in another zone: they are cut, in memory too.
func valuesNullTimes(e *env) {
	r := newRepository[timed](e, "timed", byID)
	at := kickoff.In(leicester)
	want := timed{
		ID: 1, Times: []sql.NullTime{{Time: at, Valid: true}, {}},
		Nulls: map[string]sql.Null[*time.Time]{"a": {V: &at, Valid: true}, "b": {}},
		In:    timedIn{At: sql.Null[time.Time]{V: at, Valid: true}},
	}
	require.NoError(e, r.Insert(e.ctx, &want))
	for _, have := range []timed{want, r.get(1)} {
		for i, at := range []time.Time{have.Times[0].Time, *have.Nulls["a"].V, have.In.At.V} {
			require.True(e, at.Equal(e.cut(kickoff)), "time %d is %v", i, at)
			require.Equal(e, time.UTC, at.Location(), "time %d", i)
		}
		require.False(e, have.Times[1].Valid || have.Nulls["b"].Valid)
	}
}

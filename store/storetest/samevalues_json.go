package storetest

import (
	"encoding/json"
	"math/big"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store"
)

// JSON in nested values comes back as it is in memory, or is refused, as part of SameValues.
var _ = register(
	"SameValues",
	Test{Name: "NumbersInNestedJSON", run: valuesInJSON},
	Test{Name: "TimesBehindPointersInNestedValues", run: valuesTimesInside},
	Test{Name: "StoredValueThatDoesNotFitNamesItsRow", run: valuesNameTheirRow},
)

// numbers hold numbers in every form in which JSON can have them.
type numbers struct {
	Number json.Number
	Raw    json.RawMessage
	Float  float64
	Big    *big.Int
	Uint   uint64
	List   []json.RawMessage
	ByName map[string]json.Number
}

type jsonRow struct {
	store.Snapshot `bson:",inline"`

	ID   int64           `db:"id" bson:"_id" store:"key"`
	In   numbers         `db:"nested" bson:"nested"`
	InP  *numbers        `db:"nested_p" bson:"nested_p"`
	Doc  json.RawMessage `db:"doc" bson:"doc" store:"json"`
	Text json.RawMessage `db:"text_v" bson:"text_v" store:"json,text"`
}

// jsonTexts are JSON whose form a server may not keep.
var jsonTexts = []string{
	"0", "-0", "-0.0", "1.10", "1.0", "1e2", "100.0", "0.1e1", "12345678901234567890", "123456789012345678901234567890",
	"9007199254740993", "18446744073709551615", "18446744073709551616", "1.7976931348623157e308", "0.30000000000000004",
	"1234567890.12345678901234567890", `{"b":1,"a":2}`, `{"a":1,"a":2}`, ` { "a" : [ 1 , 2.50 ] } `, `"\u00e9<\/b>"`,
	"null", "[]", `{"aa":{"b":[{}]},"B":"x"}`,
}

// valuesInJSON writes each text by each verb: it is refused before any I/O, by the field's name, or memory holds
// what every read gives from then on.
func valuesInJSON(e *env) {
	made := newRepository[jsonRow](e, "json", byID)
	db, spy := e.spied(store.Options{})
	r := made.on(db, nil)
	id := int64(0)
	alike := func(about string, have jsonRow) {
		e.Helper()
		want := made.get(have.ID)
		require.Equal(e, want.Version, have.Version, about)
		want.Snapshot, have.Snapshot = store.Snapshot{}, store.Snapshot{}
		require.Equal(e, want, have, about)
		again := made.modify(have.ID, func(j *jsonRow) {})
		require.EqualValues(e, again.Version, made.get(have.ID).Version, "%s: what was read is a change", about)
	}
	for _, text := range jsonTexts {
		var isNumber json.Number
		isNumeric := json.Unmarshal([]byte(text), &isNumber) == nil && text != "null"
		for field, set := range map[string]func(j *jsonRow){
			"In.Number": func(j *jsonRow) { j.In.Number = json.Number(text) },
			"In.Raw":    func(j *jsonRow) { j.In.Raw = json.RawMessage(text) },
			"In.List":   func(j *jsonRow) { j.In.List = []json.RawMessage{json.RawMessage(text)} },
			"In.ByName": func(j *jsonRow) { j.In.ByName = map[string]json.Number{"x": json.Number(text)} },
			"InP.Raw":   func(j *jsonRow) { j.InP = &numbers{Number: "0", Raw: json.RawMessage(text)} },
			"Doc":       func(j *jsonRow) { j.Doc = json.RawMessage(text) },
			"Text":      func(j *jsonRow) { j.Text = json.RawMessage(text) },
		} {
			if !isNumeric && (field == "In.Number" || field == "In.ByName") {
				continue
			}
			about := field + " " + text
			id++
			plain := inserted(made, plainJSON(id))
			for verb, write := range map[string]func() (jsonRow, error){
				"Save": func() (jsonRow, error) {
					j := plain
					set(&j)
					err := r.Save(e.ctx, &j)
					return j, err
				},
				"Modify": func() (jsonRow, error) {
					return r.Modify(e.ctx, id, func(j *jsonRow) error { set(j); return nil })
				},
			} {
				if verb == "Save" {
					plain = made.get(id)
				}
				spy.take()
				have, err := write()
				if err == nil {
					alike(verb+" "+about, have)
					continue
				}
				e.only(err, store.ErrInvalid, about)
				require.NotEqual(e, "Text", field, "%s: a field that is text keeps everything", about)
				if e.info.NestedCodec != nil { // the backend's own codec refuses it, when it encodes the whole field
					whole, _, _ := strings.Cut(field, ".")
					e.names(err, whole)
					continue
				}
				e.names(err, field)
				require.NotContains(e, spy.take(), "update", "%s: %s was sent", verb, about)
			}
		}
	}
	j := plainJSON(id + 1)
	j.In.Float, j.In.Uint, j.In.Big = 1e20, 1<<63-1, big.NewInt(1<<62)
	require.NoError(e, r.Insert(e.ctx, &j))
	alike("numbers that every server keeps", j)
}

// inside has times behind pointers in nested values, which JSON and text methods reach too.
type inside struct {
	store.Snapshot `bson:",inline"`

	ID    int64                 `db:"id" bson:"_id" store:"key"`
	In    insideTimes           `db:"nested" bson:"nested"`
	Slice []*time.Time          `db:"slice" bson:"slice"`
	Map   map[string]*time.Time `db:"by_key" bson:"by_key"`
	Array [1]*time.Time         `db:"array" bson:"array"`
	Deep  deepTimes             `db:"deep" bson:"deep"`
}

type deepTimes []map[string][]*insideTimes

type insideTimes struct {
	At *time.Time `json:"at" bson:"at"`
}

// valuesTimesInside writes times that are too fine and in another zone: they are cut, in memory too, and those that
// no database can hold are refused.
func valuesTimesInside(e *env) {
	r := newRepository[inside](e, "inside", byID)
	fill := func(in *inside, at time.Time) []**time.Time {
		in.In.At, in.Slice, in.Map, in.Array[0] = &at, []*time.Time{&at}, map[string]*time.Time{"a": &at}, &at
		in.Deep = deepTimes{{"a": {{At: &at}}}}
		return []**time.Time{&in.In.At, &in.Slice[0], &in.Array[0], &in.Deep[0]["a"][0].At}
	}
	check := func(verb string, have inside) {
		e.Helper()
		stored := r.get(have.ID)
		for _, in := range []inside{have, stored} {
			for i, at := range []*time.Time{in.In.At, in.Slice[0], in.Map["a"], in.Array[0], in.Deep[0]["a"][0].At} {
				require.True(e, at.Equal(e.cut(kickoff)), "%s: time %d is %v", verb, i, at)
				require.Equal(e, time.UTC, at.Location(), "%s: time %d", verb, i)
			}
		}
	}
	in := inside{ID: 1}
	fill(&in, kickoff.In(leicester))
	require.NoError(e, r.Insert(e.ctx, &in))
	check("Insert", in)
	fill(&in, kickoff.In(leicester))
	require.NoError(e, r.Save(e.ctx, &in))
	check("Save", in)
	got, err := r.Modify(e.ctx, 1, func(in *inside) error { fill(in, kickoff.In(leicester)); return nil })
	require.NoError(e, err)
	require.EqualValues(e, 2, got.Version, "the same moment is no change")
	check("Modify", got)
	for i := range 4 {
		bad := inside{ID: 2}
		far := time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)
		*fill(&bad, kickoff)[i] = &far
		e.only(r.Insert(e.ctx, &bad), store.ErrInvalid)
	}
}

func plainJSON(id int64) jsonRow { return jsonRow{ID: id, In: numbers{Number: "0"}} }

// tall and small are two mappings of one column, of which the second cannot hold what the first stores.
type (
	tall struct {
		store.Snapshot `bson:",inline"`

		ID int64                `db:"id" bson:"_id" store:"key"`
		In struct{ Size int64 } `db:"nested" bson:"nested"`
	}
	small struct {
		store.Snapshot `bson:",inline"`

		ID int64               `db:"id" bson:"_id" store:"key"`
		In struct{ Size int8 } `db:"nested" bson:"nested"`
	}
)

// valuesNameTheirRow has one row among others that a mapping cannot read: a Find names the row and the field.
func valuesNameTheirRow(e *env) {
	made := newRepository[tall](e, "tall", byID)
	for id := range int64(20) {
		t := tall{ID: 1000 + id}
		if id == 13 {
			t.In.Size = 128
		}
		inserted(made, t)
	}
	r := over[small, int64](e, e.db, made.name, nil)
	_, err := store.Collect(r.Find(e.ctx, store.Query{}))
	e.only(err, store.ErrInvalid)
	e.names(err, "1013", "In")
	_, err = r.GetMany(e.ctx, []int64{1001, 1013})
	e.names(err, "1013", "In")
	_, err = r.Get(e.ctx, 1013)
	e.names(err, "1013", "In")
}

package storetest

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/driver"
	"github.com/stillframe/stillframe/store/storetest/internal/script"
)

// SameValues: what was written is what is read, on every backend, or the write is refused.
var _ = register(
	"SameValues",
	Test{Name: "EveryKindByInsert", run: func(e *env) { valuesBy(e, valuesInsert) }},
	Test{Name: "EveryKindBySave", run: func(e *env) { valuesBy(e, valuesSave) }},
	Test{Name: "EveryKindByModify", run: func(e *env) { valuesBy(e, valuesModify) }},
	Test{Name: "EveryKindByUpsert", run: func(e *env) { valuesBy(e, valuesUpsert) }},
	Test{Name: "EveryKindInATx", needs: transactions, run: func(e *env) { valuesBy(e, valuesInTx) }},
	Test{Name: "BackToNull", run: valuesBackToNull},
	Test{Name: "OneMebibyte", run: valuesLarge},
	Test{Name: "TimesAreCutInMemoryToo", run: valuesTimes},
	Test{Name: "DecimalsAreCanonicalInMemoryToo", run: valuesDecimals},
	Test{Name: "TranscriptIsThatOfMemstore", run: func(e *env) { transcripts(e, scaled(300, 120), script.Verbs) }},
)

type kindTable = repository[kinds, int64]

// normal is what is stored of an entity: times in UTC and cut, decimals with all their digits.
func (e *env) normal(k kinds) kinds {
	v := reflect.New(reflect.TypeFor[kinds]()).Elem()
	v.Set(reflect.ValueOf(k))
	for i := range v.NumField() {
		f := v.Type().Field(i)
		v.Field(i).Set(e.normalValue(v.Field(i), decimalOf(f)))
	}
	k = v.Interface().(kinds)
	k.Snapshot = store.Snapshot{}
	return k
}

// decimalOf is the form of a decimal field, "19.4".
func decimalOf(f reflect.StructField) string {
	_, form, _ := strings.Cut(f.Tag.Get("store"), "decimal=")
	return form
}

// normalValue returns a value as a database gives it back: times cut to its precision, decimals in their canonical
// text, and what is not valid as zero.
func (e *env) normalValue(v reflect.Value, decimal string) reflect.Value {
	t := v.Type()
	out := reflect.New(t).Elem()
	out.Set(v)
	switch x := v.Interface().(type) {
	case time.Time:
		return reflect.ValueOf(e.cut(x))
	case moment:
		return reflect.ValueOf(moment(e.cut(time.Time(x))))
	case instant:
		return reflect.ValueOf(instant{e.cut(x.t)})
	case amount, points, code:
		return v
	case string:
		if decimal != "" {
			var digits, scale int
			_, err := fmt.Sscanf(decimal, "%d.%d", &digits, &scale)
			require.NoError(e, err)
			text, err := driver.CanonicalDecimal(x, digits, scale)
			require.NoError(e, err)
			return reflect.ValueOf(text)
		}
		return v
	}
	switch t.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			out = reflect.New(t.Elem())
			out.Elem().Set(e.normalValue(v.Elem(), decimal))
		}
	case reflect.Struct:
		if t.PkgPath() == "database/sql" && !v.Field(1).Bool() {
			return out
		}
		for i := range t.NumField() {
			out.Field(i).Set(e.normalValue(v.Field(i), decimal))
		}
	case reflect.Slice:
		if !v.IsNil() && t.Elem().Kind() != reflect.Uint8 {
			out = reflect.MakeSlice(t, v.Len(), v.Len())
			for i := range v.Len() {
				out.Index(i).Set(e.normalValue(v.Index(i), ""))
			}
		}
	case reflect.Map:
		if !v.IsNil() {
			out = reflect.MakeMap(t)
			for entries := v.MapRange(); entries.Next(); {
				out.SetMapIndex(entries.Key(), e.normalValue(entries.Value(), ""))
			}
		}
	}
	return out
}

// kindRows are entities in which, all together, every field has each of its edges.
func kindRows() []kinds {
	t := reflect.TypeFor[kinds]()
	most := 0
	lists := make([][]any, t.NumField())
	known := knownEdges()
	for i := range lists {
		if name := t.Field(i).Name; name == "Snapshot" || name == "ID" {
			continue
		}
		lists[i] = edges(t.Field(i).Type, decimalOf(t.Field(i)), known)
		most = max(most, len(lists[i]))
	}
	rows := make([]kinds, most)
	for n := range rows {
		v := reflect.ValueOf(&rows[n]).Elem()
		for i, list := range lists {
			if len(list) > 0 {
				v.Field(i).Set(reflect.ValueOf(list[n%len(list)]))
			}
		}
		rows[n].ID = int64(n + 1)
	}
	return rows
}

// plainKinds has the zero value everywhere but where that is none.
func plainKinds(id int64) kinds { return kinds{ID: id, Price: "0", Whole: "0"} }

// valuesBy writes each row by one verb. What the verb leaves or returns in memory must be what every
// kind of read then gives.
func valuesBy(e *env, write func(e *env, r *kindTable, k kinds) kinds) {
	r := newRepository[kinds](e, "kinds", byID)
	wants := map[int64]kinds{}
	for _, k := range kindRows() {
		want := e.normal(k)
		have := write(e, r, k)
		require.Positive(e, have.Version)
		have.Snapshot = store.Snapshot{}
		e.alike(want, have, "in memory")
		wants[k.ID] = want
	}
	keys := make([]int64, 0, len(wants))
	for id := range wants {
		keys = append(keys, id)
	}
	compare := func(verb string, have kinds) {
		require.Positive(e, have.Version)
		have.Snapshot = store.Snapshot{}
		e.alike(wants[have.ID], have, verb)
	}
	many, err := r.GetMany(e.ctx, keys)
	require.NoError(e, err)
	require.Len(e, many, len(wants))
	found, err := store.Collect(r.Find(e.ctx, store.Query{}))
	require.NoError(e, err)
	require.Len(e, found, len(wants))
	page, _, err := r.Page(e.ctx, store.Query{}.OrderByDesc("ID").Limit(len(wants)))
	require.NoError(e, err)
	require.Len(e, page, len(wants))
	reloaded := kindRows()[0]
	for i, id := range keys {
		compare("Get", r.get(id))
		compare("GetMany", many[id])
		compare("Find", found[i])
		compare("Page", page[i])
		first, err := r.First(e.ctx, store.Where("ID", store.Eq, id))
		require.NoError(e, err)
		compare("First", first)
		reloaded.ID = id
		require.NoError(e, r.Reload(e.ctx, &reloaded))
		compare("Reload", reloaded)
		m, err := r.Modify(e.ctx, id, func(*kinds) error { return nil })
		require.NoError(e, err)
		compare("Modify that changes nothing", m)
		require.Equal(e, many[id].Version, m.Version, "what was read is not equal to itself")
	}
}

// alike compares field by field, so that a failure names the field.
func (e *env) alike(want, have kinds, verb string) {
	e.Helper()
	x, y := reflect.ValueOf(want), reflect.ValueOf(have)
	for i := range x.NumField() {
		if name := x.Type().Field(i).Name; name == "Moment" { // reflect.DeepEqual is strict about zones
			require.True(e, time.Time(want.Moment).Equal(time.Time(have.Moment)), "%s, row %d: Moment", verb, want.ID)
		} else {
			require.Equal(e, x.Field(i).Interface(), y.Field(i).Interface(), "%s, row %d: %s", verb, want.ID, name)
		}
	}
}

func valuesInsert(e *env, r *kindTable, k kinds) kinds {
	e.Helper()
	require.NoError(e, r.Insert(e.ctx, &k))
	return k
}

func valuesSave(e *env, r *kindTable, k kinds) kinds {
	e.Helper()
	old := inserted(r, plainKinds(k.ID))
	k.Snapshot = old.Snapshot
	require.NoError(e, r.Save(e.ctx, &k))
	return k
}

func valuesModify(e *env, r *kindTable, k kinds) kinds {
	e.Helper()
	inserted(r, plainKinds(k.ID))
	return r.modify(k.ID, func(old *kinds) {
		k.Snapshot = old.Snapshot
		*old = k
	})
}

func valuesUpsert(e *env, r *kindTable, k kinds) kinds {
	e.Helper()
	m, err := r.Upsert(e.ctx, k.ID, func(fresh *kinds, found bool) error {
		require.False(e, found)
		*fresh = k
		return nil
	})
	require.NoError(e, err)
	return m
}

func valuesInTx(e *env, r *kindTable, k kinds) kinds {
	e.Helper()
	e.atomic(func(ctx context.Context, tx *store.Tx) error {
		fresh := plainKinds(k.ID)
		if err := r.In(tx).Insert(ctx, &fresh); err != nil {
			return err
		}
		k.Snapshot = fresh.Snapshot
		return r.In(tx).Save(ctx, &k)
	})
	return k
}

// valuesBackToNull overwrites every edge with the next one, and each ends as the plain row.
func valuesBackToNull(e *env) {
	r := newRepository[kinds](e, "kinds", byID)
	k := inserted(r, plainKinds(1))
	for _, row := range kindRows() {
		row.ID, row.Snapshot = 1, k.Snapshot
		require.NoError(e, r.Save(e.ctx, &row))
		k = r.get(1)
		have := k
		have.Snapshot = store.Snapshot{}
		want := e.normal(row)
		want.ID = 1
		e.alike(want, have, "Save over another row's values")
	}
	plain := plainKinds(1)
	m := r.modify(1, func(k *kinds) {
		plain.Snapshot = k.Snapshot
		*k = plain
	})
	m.Snapshot = store.Snapshot{}
	e.alike(e.normal(plain), m, "Modify")
	m = r.get(1)
	m.Snapshot = store.Snapshot{}
	e.alike(e.normal(plain), m, "Get")
}

// large has fields without a bound.
type large struct {
	store.Snapshot `bson:",inline"`

	ID   int64    `db:"id" bson:"_id" store:"key"`
	Text string   `db:"text_v" bson:"text_v" store:"size=max"`
	Long string   `db:"long_v" bson:"long_v" store:"text"`
	Data []byte   `db:"data" bson:"data" store:"size=max"`
	List []string `db:"list" bson:"list" store:"json"`
}

// valuesLarge stores values of 1 MiB, which some clients send in parts and some servers cut.
func valuesLarge(e *env) {
	const mebi = 1 << 20
	r := newRepository[large](e, "large", byID)
	data := make([]byte, mebi)
	for i := range data {
		data[i] = byte(i * i >> 3)
	}
	want := large{
		ID: 1, Text: strings.Repeat("x", mebi), Long: strings.Repeat("😀", mebi/4), Data: data,
		List: []string{strings.Repeat("'", mebi/2)},
	}
	l := inserted(r, want)
	want.Snapshot = l.Snapshot
	require.True(e, reflect.DeepEqual(want, l))
	l = r.get(1)
	want.ReadAt = l.ReadAt
	require.True(e, reflect.DeepEqual(want, l), "1 MiB came back as something else")
	l = r.modify(1, func(l *large) { l.Data[mebi-1]++; l.Long += "!" })
	have := r.get(1)
	require.True(e, reflect.DeepEqual(l.Data, have.Data), "Modify")
	require.True(e, l.Long == have.Long && strings.HasSuffix(have.Long, "😀!"), "Modify")
	n, err := r.Count(e.ctx, store.Where("ID", store.Eq, 1))
	require.NoError(e, err)
	require.EqualValues(e, 1, n)
}

// valuesTimes has times that differ from what is stored in precision and zone, at every place where
// an entity can have one.
func valuesTimes(e *env) {
	r := newRepository[kinds](e, "kinds", byID)
	k := plainKinds(1)
	shared := kickoff.In(leicester)
	k.Time, k.TimeP, k.TimeNull.Time, k.TimeNull.Valid = shared, &shared, shared, true
	k.Instant, k.Moment = instant{shared}, moment(shared)
	k.Ground.Opened, k.Grounds = shared, []ground{{Opened: shared}}
	k.ByName = map[string]*ground{"a": {Opened: shared}}
	k.Tree = &tree{Kids: []*tree{{Made: shared}}}
	require.NoError(e, r.Insert(e.ctx, &k))
	want := e.cut(kickoff)
	for i, have := range []time.Time{
		k.Time, *k.TimeP, k.TimeNull.Time, k.Instant.t, time.Time(k.Moment),
		k.Ground.Opened, k.Grounds[0].Opened, k.ByName["a"].Opened, k.Tree.Kids[0].Made,
	} {
		require.True(e, have.Equal(want), "time %d is %v in memory and %v in the database", i, have, want)
		if i != 3 && i != 4 {
			require.Equal(e, time.UTC, have.Location(), "time %d", i)
		}
	}
	have := r.get(1)
	have.Snapshot, k.Snapshot = store.Snapshot{}, store.Snapshot{}
	e.alike(k, have, "Get")
	stale, err := r.Modify(e.ctx, 1, func(k *kinds) error {
		k.Time, k.Ground.Opened = kickoff, kickoff.In(leicester)
		return nil
	})
	require.NoError(e, err)
	require.EqualValues(e, 1, stale.Version, "the same moment is no change")
}

func valuesDecimals(e *env) {
	r := newRepository[kinds](e, "kinds", byID)
	k := plainKinds(1)
	k.Price, k.PriceP = "1e2", pointer("-0.5")
	require.NoError(e, r.Insert(e.ctx, &k))
	require.Equal(e, "100.0000", k.Price)
	require.Equal(e, "-0.5000", *k.PriceP)
	require.Equal(e, "0", k.Whole)
	m, err := r.Modify(e.ctx, 1, func(k *kinds) error { k.Price = "100"; return nil })
	require.NoError(e, err)
	require.EqualValues(e, 1, m.Version, "100 is 100.0000")
	require.Equal(e, "100.0000", m.Price)
}

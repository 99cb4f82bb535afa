package storetest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/storetest/internal/draw"
	"github.com/stillframe/stillframe/store/storetest/internal/entity"
	"github.com/stillframe/stillframe/store/storetest/internal/oracle"
)

// The kinds of operations of the three lists, by weight. Those of the first list may stand in a Tx.
var (
	verbLines = map[string]int{
		"get": 4, "get many": 2, "first": 1, "find": 2, "page": 1, "count": 1, "insert": 7, "insert many": 2, "save": 6, "touch": 3, "delete": 2,
		"delete key": 2, "reload": 3, "is stale": 2, "modify": 7, "upsert": 3, "mistake": 3, "made key": 3, "change made": 1,
	}
	queryLines = map[string]int{"put probe": 4, "probes": 6, "probe pages": 3, "probe count": 2, "drop probe": 1, "mistake": 1}
	txLines    = map[string]int{"atomic": 5, "view": 2, "insert": 3, "save": 1, "modify": 1, "get": 1, "made key": 1}
	writeLines = []string{
		"get", "insert", "save", "save", "touch", "delete", "delete key", "reload", "is stale", "modify", "modify", "upsert", "insert many", "find", "count", "mistake",
	}
	readLines = []string{"get", "get many", "first", "find", "page", "count", "is stale", "reload", "modify"}
)

func possible(weights map[string]int, info store.Info) []string {
	var kinds []string
	for _, kind := range draw.Spread(weights) {
		switch {
		case kind == "atomic" && !info.Transactions, kind == "view" && !info.Views:
		case (kind == "made key" || kind == "change made") && !info.AutoKeys:
		default:
			kinds = append(kinds, kind)
		}
	}
	return kinds
}

// script makes random lines.
type script struct {
	random  *rand.Rand
	columns []oracle.Column
	info    store.Info
	kinds   []string
	probes  int64
}

func pick[V any](s *script, all ...V) V { return all[s.random.IntN(len(all))] }

func (s *script) line() line { return s.of(pick(s, s.kinds...)) }

func (s *script) key() int64 { return s.random.Int64N(6) + 1 }

// change is a random change of some fields.
func (s *script) change() (func(*item), string) {
	names := []string{"a", "b", "c", "d", "e", "A", "é", "日本", "😀", "x y", "'", "%"}
	name, note := pick(s, names...), pick(s, "", "note", "NULL", "ß")
	count, real := s.random.Int64N(20)-5, pick(s, 0, 0.5, -1e300, 3e-308, 1<<53)
	price := pick(s, "0", "1.5", "-10.2500", "922337203685477.5807", "0.0001")
	at := pick(s, time.Time{}, kickoff, kickoff.Add(time.Hour), time.Date(9999, 12, 31, 23, 59, 59, 999999999, time.UTC), time.Date(1969, 12, 31, 23, 59, 59, 500, time.FixedZone("", 3600)))
	data := pick(s, nil, []byte{}, []byte{0}, []byte("abc"))
	tags, part := pick(s, nil, []string{}, []string{"x"}, []string{"x", "", "ü"}), s.random.Int64N(3)
	fields := s.random.IntN(256)
	return func(i *item) {
		for bit, set := range []func(){
			func() { i.Name = name },
			func() { i.Note = &note },
			func() { i.Note = nil },
			func() { i.Count = count },
			func() { i.Real, i.Price = real, price },
			func() { i.At, i.Data = at, data },
			func() { i.Tags = tags },
			func() {
				if i.Parts == nil {
					i.Parts = map[string]int64{}
				}
				i.Parts["p"] = part // in place
			},
		} {
			if fields&(1<<bit) != 0 {
				set()
			}
		}
	}, fmt.Sprintf("fields %08b, name %q note %q count %d real %v price %s at %v data %#v tags %q part %d", fields, name, note, count, real, price, at, data, tags, part)
}

// fresh is a new item.
func (s *script) fresh() (func() *item, string) {
	key := s.key()
	change, text := s.change()
	return func() *item {
		i := &item{ID: key, Name: fmt.Sprint("n", key), Price: "0"}
		change(i)
		return i
	}, fmt.Sprintf("%d, %s", key, text)
}

// in is the repository in the Tx that is open, if there is one.
func (w *world) in() *store.Repository[item, int64] {
	if w.tx != nil {
		return w.items.In(w.tx)
	}
	return w.items
}

// on makes a line about a held copy.
func (s *script) on(kind, about string, do func(w *world, i *item) error) line {
	at := s.random.IntN(copies)
	return line{fmt.Sprintf("%s copy %d %s", kind, at, about), func(w *world) string {
		i := w.held[at]
		if i == nil {
			return "no such copy"
		}
		err := do(w, i)
		return fmt.Sprint(i, w.ended(err))
	}}
}

// hold keeps what a call returned.
func (w *world) hold(at int, i item, err error) string {
	if err == nil {
		w.held[at] = &i
	}
	return fmt.Sprint(i, w.ended(err))
}

func (s *script) of(kind string) line {
	key, at := s.key(), s.random.IntN(copies)
	switch kind {
	case "get":
		return line{fmt.Sprintf("get %d as copy %d", key, at), func(w *world) string {
			i, err := w.in().Get(w.ctx, key)
			return w.hold(at, i, err)
		}}
	case "get many":
		keys := []int64{key, s.key(), s.key()}
		return line{fmt.Sprint("get many ", keys), func(w *world) string {
			found, err := w.in().GetMany(w.ctx, keys)
			return fmt.Sprint(found, w.ended(err)) // fmt sorts the keys of maps
		}}
	case "first", "find", "page", "count":
		return s.query(kind)
	case "insert":
		fresh, text := s.fresh()
		return line{fmt.Sprintf("insert %s as copy %d", text, at), func(w *world) string {
			i := fresh()
			err := w.in().Insert(w.ctx, i)
			if err == nil {
				w.held[at] = i
			}
			return fmt.Sprint(i, w.ended(err))
		}}
	case "insert many":
		first, text := s.fresh()
		second, more := s.fresh()
		return line{"insert many " + text + " and " + more, func(w *world) string {
			a, b := first(), second()
			err := w.in().InsertMany(w.ctx, []*item{a, b})
			return fmt.Sprint(a, b, w.ended(err))
		}}
	case "save":
		change, text := s.change()
		return s.on(kind, text, func(w *world, i *item) error { change(i); return w.in().Save(w.ctx, i) })
	case "touch":
		return s.on(kind, "", func(w *world, i *item) error { return w.in().Touch(w.ctx, i) })
	case "delete":
		return s.on(kind, "", func(w *world, i *item) error { return w.in().Delete(w.ctx, *i) })
	case "reload":
		return s.on(kind, "", func(w *world, i *item) error { return w.in().Reload(w.ctx, i) })
	case "is stale":
		return s.on(kind, "", func(w *world, i *item) error {
			stale, err := w.in().IsStale(w.ctx, *i)
			if stale {
				return errors.Join(err, errBoom)
			}
			return err
		})
	case "delete key":
		return line{fmt.Sprint("delete key ", key), func(w *world) string { return w.ended(w.in().DeleteKey(w.ctx, key)) }}
	case "modify", "upsert":
		return s.modify(kind)
	case "mistake":
		return s.mistake()
	case "made key", "change made":
		return s.madeKey(kind)
	case "put probe", "probes", "probe pages", "probe count", "drop probe":
		return s.probe(kind)
	case "atomic", "view":
		return s.transaction(kind)
	}
	panic("no such kind of line: " + kind)
}

func (s *script) query(kind string) line {
	q := pick(
		s, store.Query{}, store.Where("Count", store.Ge, 3), store.Where("Note", store.Eq, nil), store.Where("Name", store.Prefix, "n"),
		store.Not(store.Where("Note", store.Eq, "note")), store.Where("At", store.Le, kickoff), store.Where("Price", store.Gt, "0"),
		store.AnyOf(store.Where("Name", store.In, []string{"a", "A", "é"}), store.Where("Real", store.Lt, 0)), store.Where("Moved", store.Gt, kickoff.Add(time.Minute)),
	)
	order := pick(s, "", "Name", "Note", "Count", "At")
	desc := s.random.IntN(2) == 0
	switch {
	case order == "":
	case desc:
		q = q.OrderByDesc(order)
	default:
		q = q.OrderBy(order)
	}
	return line{fmt.Sprintf("%s %+v by %q, descending: %t", kind, q, order, desc), func(w *world) string {
		switch kind {
		case "first":
			i, err := w.in().First(w.ctx, q)
			return fmt.Sprint(i, w.ended(err))
		case "count":
			n, err := w.in().Count(w.ctx, q)
			return fmt.Sprint(n, w.ended(err))
		case "find":
			items, err := store.Collect(w.in().Find(w.ctx, q))
			return show(items) + w.ended(err)
		}
		text := ""
		for cursor := ""; ; {
			items, next, err := w.in().Page(w.ctx, q.From(cursor).Limit(2))
			text += show(items) + w.ended(err) + "|"
			if cursor = next; next == "" || err != nil {
				return text
			}
		}
	}}
}

func (s *script) modify(kind string) line {
	key, at := s.key(), s.random.IntN(copies)
	change, text := s.change()
	how := pick(s, "change", "change", "change", "nothing", "fail", "change the key", "change the version")
	apply := func(i *item) error {
		switch how {
		case "nothing":
			return nil
		case "change the key":
			i.ID++
		case "change the version":
			i.Version++
		}
		change(i)
		if how == "fail" {
			return errBoom
		}
		return nil
	}
	return line{fmt.Sprintf("%s %d as copy %d: %s, %s", kind, key, at, how, text), func(w *world) string {
		runs := ""
		var i item
		var err error
		if kind == "upsert" {
			i, err = w.in().Upsert(w.ctx, key, func(i *item, found bool) error {
				runs = fmt.Sprint(" found: ", found) // of the last run
				if !found {
					i.Name, i.Price = fmt.Sprint("n", key), "0"
				}
				return apply(i)
			})
		} else {
			i, err = w.in().Modify(w.ctx, key, apply)
		}
		return w.hold(at, i, err) + runs
	}}
}

// mistake is a call that must be refused. Nothing may come of it.
func (s *script) mistake() line {
	key, at := s.key(), s.random.IntN(copies)
	i := item{ID: key, Name: "mistake", Price: "0"}
	query := store.Query{}
	what := pick(s, "long name", "no UTF-8", "NaN", "no decimal", "year 10000", "never read", "delete of a copy never read", "unknown field", "no limit", "wrong value", "bad cursor")
	switch what {
	case "long name":
		i.Name = strings.Repeat("é", 21)
	case "no UTF-8":
		i.Name = "\xff"
	case "NaN":
		i.Real = math.NaN()
	case "no decimal":
		i.Price = "1e3"
	case "year 10000":
		i.At = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)
	case "unknown field":
		query = store.Where("Nothing", store.Eq, 1)
	case "no limit":
		query = query.Limit(0)
	case "wrong value":
		query = store.Where("Count", store.Eq, "many")
	case "bad cursor":
		query = query.From("?")
	}
	bySave := s.random.IntN(2) == 0
	return line{fmt.Sprintf("mistake: %s, key %d, by a save of copy %d: %t", what, key, at, bySave), func(w *world) string {
		var err error
		switch what {
		case "never read":
			err = w.in().Save(w.ctx, &i)
		case "delete of a copy never read":
			err = w.in().Delete(w.ctx, i)
		case "unknown field", "no limit", "wrong value", "bad cursor":
			_, _, err = w.in().Page(w.ctx, query)
		default:
			wrong := i
			if held := w.held[at]; bySave && held != nil {
				wrong = *held
				wrong.Name, wrong.Real, wrong.Price, wrong.At = i.Name, i.Real, i.Price, i.At
				err = w.in().Save(w.ctx, &wrong)
			} else {
				err = w.in().Insert(w.ctx, &wrong)
			}
		}
		return w.ended(err)
	}}
}

func (s *script) madeKey(kind string) line {
	text, at := pick(s, "a", "b", ""), s.random.IntN(8)
	if kind == "made key" {
		return line{"insert with a made key: " + text, func(w *world) string {
			n := entity.Ticket{Note: text}
			err := w.autos.Insert(w.ctx, &n)
			if err == nil {
				w.made = append(w.made, n.ID)
			}
			return fmt.Sprintf("made %d, v%d%s", len(w.made), n.Version, outcomeOf(err))
		}}
	}
	return line{fmt.Sprintf("change of made key %d: %s", at, text), func(w *world) string {
		if at >= len(w.made) {
			return "no such key"
		}
		n, err := w.autos.Modify(w.ctx, w.made[at], func(n *entity.Ticket) error { n.Note += text; return nil })
		return fmt.Sprintf("%q v%d%s", n.Note, n.Version, outcomeOf(err))
	}}
}

// probe is a line about the table that has a column of every kind.
func (s *script) probe(kind string) line {
	size := 1 + s.random.IntN(5)
	switch kind {
	case "put probe":
		p := oracle.Probes(s.columns, 1, s.random)[0]
		s.probes++
		p.ID = s.probes
		return line{fmt.Sprint("insert probe ", oracle.Show(s.columns, []oracle.Probe{p})), func(w *world) string {
			mine := p
			return w.ended(w.prob.Insert(w.ctx, &mine))
		}}
	case "drop probe":
		id := s.random.Int64N(s.probes+1) + 1
		return line{fmt.Sprint("delete probe ", id), func(w *world) string { return w.ended(w.prob.DeleteKey(w.ctx, id)) }}
	}
	c := oracle.RandomCondition(s.columns, 3, s.random)
	q, by := oracle.Ordered(c.Query, oracle.RandomOrder(s.columns, s.random))
	return line{fmt.Sprintf("%s by %d: %s%s", kind, size, c.Text, by), func(w *world) string {
		switch kind {
		case "probe count":
			n, err := w.prob.Count(w.ctx, q)
			return fmt.Sprint(n, w.ended(err))
		case "probes":
			found, err := store.Collect(w.prob.Find(w.ctx, q))
			return oracle.Show(s.columns, found) + w.ended(err)
		}
		text := ""
		for cursor := ""; ; {
			found, next, err := w.prob.Page(w.ctx, q.From(cursor).Limit(size))
			for _, p := range found {
				text += fmt.Sprint(p.ID, " ")
			}
			text += w.ended(err) + "|"
			if cursor = next; next == "" || err != nil {
				return text
			}
		}
	}}
}

// transaction is an Atomic or a View of some lines, which ends in one of several ways.
func (s *script) transaction(kind string) line {
	kinds, ending := writeLines, pick(s, "commit", "commit", "commit", "error", "panic")
	if kind == "view" {
		kinds = readLines
	}
	var lines []line
	text := ""
	for range 1 + s.random.IntN(5) {
		l := s.of(pick(s, kinds...))
		lines = append(lines, l)
		text += "\n     " + l.text
	}
	if kind == "atomic" && s.random.IntN(3) == 0 {
		for _, l := range s.refusal() {
			lines = append(lines, l)
			text += "\n     " + l.text
		}
	}
	outside := s.random.IntN(8) == 0
	return line{fmt.Sprintf("%s that ends with %s, with a call outside: %t%s", kind, ending, outside, text), func(w *world) (said string) {
		run := w.db.Atomic
		if kind == "view" {
			run = w.db.View
		}
		before, ctx := append([]*item(nil), w.held...), w.ctx
		err := w.panics(func() error {
			return run(ctx, nil, func(inner context.Context, tx *store.Tx) error {
				copy(w.held, before) // each run begins with the same copies
				w.tx, w.ctx, said = tx, inner, ""
				for _, l := range lines {
					said += l.run(w) + "; "
				}
				if outside {
					_, err := w.items.Get(inner, 1)
					said += "outside: " + w.ended(err) + "; "
					said += "nested: " + w.ended(w.db.Atomic(inner, nil, func(context.Context, *store.Tx) error { return nil }))
				}
				switch ending {
				case "error":
					return errBoom
				case "panic":
					panic("boom")
				}
				return nil
			})
		})
		w.tx, w.ctx = nil, ctx
		said += w.ended(err) + "; held:"
		for _, i := range w.held {
			said += fmt.Sprint(i)
		}
		return said
	}}
}

// refusal is a conflict, which leaves its Tx usable, and what the Tx does after it.
func (s *script) refusal() []line {
	key := s.key()
	change, text := s.change()
	return []line{
		{fmt.Sprintf("save %d over another's change, %s", key, text), func(w *world) string {
			i, err := w.in().Get(w.ctx, key)
			if err != nil {
				return w.ended(err)
			}
			newer := i
			first := w.in().Touch(w.ctx, &newer)
			change(&i)
			return w.ended(first) + w.ended(w.in().Save(w.ctx, &i))
		}},
		s.of("insert"),
	}
}

// panics turns a panic into an error.
func (w *world) panics(fn func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("%w: panic %v", errBoom, v)
		}
	}()
	return fn()
}

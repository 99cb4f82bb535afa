package script

import (
	"errors"
	"fmt"
	"time"

	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/storetest/internal/entity"
)

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

// of makes a line of one kind.
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
		return line{
			fmt.Sprint("delete key ", key), func(w *world) string { return w.ended(w.in().DeleteKey(w.ctx, key)) },
		}
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

// query makes a line that asks for items, by one of the verbs that take a query.
func (s *script) query(kind string) line {
	q := pick(
		s, store.Query{}, store.Where("Count", store.Ge, 3), store.Where("Note", store.Eq, nil),
		store.Where("Name", store.Prefix, "n"),
		store.Not(store.Where("Note", store.Eq, "note")), store.Where("At", store.Le, entity.Kickoff),
		store.Where("Price", store.Gt, "0"),
		store.AnyOf(store.Where("Name", store.In, []string{"a", "A", "é"}), store.Where("Real", store.Lt, 0)),
		store.Where("Moved", store.Gt, entity.Kickoff.Add(time.Minute)),
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

// modify makes a line of Modify or Upsert, whose function changes the item, or nothing, or makes a mistake.
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

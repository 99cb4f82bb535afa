package script

import (
	"fmt"

	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/storetest/internal/entity"
	"github.com/stillframe/stillframe/store/storetest/internal/oracle"
)

// madeKey makes a line about the table whose keys the database makes. The keys that it makes are spoken of
// by their order, since two databases may make different ones.
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
		return line{
			fmt.Sprint("delete probe ", id), func(w *world) string { return w.ended(w.prob.DeleteKey(w.ctx, id)) },
		}
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

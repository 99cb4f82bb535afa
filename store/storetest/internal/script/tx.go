package script

import (
	"context"
	"fmt"

	"github.com/stillframe/stillframe/store"
)

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
	text = fmt.Sprintf("%s that ends with %s, with a call outside: %t%s", kind, ending, outside, text)
	return line{text, func(w *world) (said string) {
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
					said += "nested: " + w.ended(
						w.db.Atomic(inner, nil, func(context.Context, *store.Tx) error { return nil }),
					)
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

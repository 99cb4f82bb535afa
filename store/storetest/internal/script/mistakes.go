package script

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/stillframe/stillframe/store"
)

// mistake is a call that must be refused. Nothing may come of it.
func (s *script) mistake() line {
	key, at := s.key(), s.random.IntN(copies)
	i := item{ID: key, Name: "mistake", Price: "0"}
	query := store.Query{}
	what := pick(
		s, "long name", "no UTF-8", "NaN", "no decimal", "year 10000", "never read", "delete of a copy never read",
		"unknown field", "no limit", "wrong value", "bad cursor",
	)
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
	text := fmt.Sprintf("mistake: %s, key %d, by a save of copy %d: %t", what, key, at, bySave)
	return line{text, func(w *world) string {
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

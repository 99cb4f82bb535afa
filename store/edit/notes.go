package edit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/stillframe/stillframe/refresh/longrun"
	"github.com/stillframe/stillframe/store"
)

// mostReasons bounds the rows whose reasons Notes counts.
const mostReasons = 1000

// Notes is for longrun.HandlerOptions.Notes: what the journal says of the edit that an operation applies or undoes. It
// shows how many rows came to what and for which reasons, and who has planned, approved, applied and undone it; no keys
// and no values. For an operation that is no edit it returns nothing.
func (j *Journal) Notes(ctx context.Context, s longrun.Status) ([]string, error) {
	name, ok := strings.CutPrefix(s.Kind, kindPrefix)
	if !ok {
		return nil, nil
	}
	e, err := j.Status(ctx, name)
	if errors.Is(err, store.ErrNotFound) { // forgotten
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var parts []string
	for _, p := range []Phase{RowPlanned, RowApplied, Held, Refused, RowUndone, Kept} {
		if n := e.Rows[p]; n > 0 {
			parts = append(parts, fmt.Sprintf("%s %d", p, n))
		}
	}
	notes := []string{fmt.Sprintf("edit of %s, %s: %s", e.Table, e.State, strings.Join(parts, ", "))}
	parts = nil
	for _, by := range []struct{ did, who string }{
		{"planned", e.PlannedBy}, {"approved", e.ApprovedBy}, {"applied", e.AppliedBy}, {"undone", e.UndoneBy},
	} {
		if by.who != "" {
			parts = append(parts, by.did+" by "+by.who)
		}
	}
	if len(parts) > 0 {
		notes = append(notes, strings.Join(parts, ", "))
	}
	reasons := map[string]int{}
	q := linesOf(name).And("Phase", store.In, []Phase{Held, Refused, Kept})
	for l, err := range j.lines.Find(ctx, q.Limit(mostReasons)) {
		if err != nil {
			return notes, err
		}
		reasons[string(l.Phase)+": "+l.Reason]++
	}
	all := slices.SortedFunc(maps.Keys(reasons), func(a, b string) int {
		return cmp.Or(reasons[b]-reasons[a], strings.Compare(a, b))
	})
	for _, reason := range all[:min(len(all), 5)] {
		notes = append(notes, fmt.Sprintf("%s (%d rows)", reason, reasons[reason]))
	}
	return notes, nil
}

// Bar is for Options.Progress: a bar on w where that is a terminal, and else nothing. It is drawn over as it grows, and
// ends its line when all is done.
func Bar(w io.Writer) func(done, total int64) {
	if !isTerminal(w) {
		return func(int64, int64) {}
	}
	return bar(w)
}

// bar is Bar on a terminal. A batch that settles more than was planned at first is no more than all.
func bar(w io.Writer) func(done, total int64) {
	const width = 40
	var mu sync.Mutex
	drawn := int64(-1)
	return func(done, total int64) {
		mu.Lock()
		defer mu.Unlock()
		if total <= 0 {
			return
		}
		done = min(max(done, 0), total)
		percent := done * 100 / total
		if percent == drawn {
			return
		}
		drawn = percent
		full := int(done * width / total)
		end := ""
		if done == total {
			end = "\n"
		}
		_, _ = fmt.Fprintf(w, "\r[%s%s] %d of %d rows%s", strings.Repeat("#", full), strings.Repeat(".", width-full),
			done, total, end)
	}
}

// Package script makes lists of random operations, runs each on a database and on package memstore, and
// compares what every operation said. The calls come one after the other and no two transactions are
// open at once, so that there is one right answer to each.
package script

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/memstore"
	"github.com/stillframe/stillframe/store/storetest/internal/intercept"
	"github.com/stillframe/stillframe/store/storetest/internal/oracle"
)

// Comparison is one list of operations, and the database that is compared with memstore.
type Comparison struct {
	// DB is the database.
	DB *store.DB
	// Table turns a name into that of a table that is not there yet.
	Table func(name string) string
	// Steps is the number of the operations.
	Steps int
	// Kinds are the kinds of operations, by weight: [Verbs], [Queries] or [Transactions]. Those that one
	// of the two databases cannot do are left out.
	Kinds map[string]int
	// Random makes all choices.
	Random *rand.Rand
}

// Result is what came of a [Comparison].
type Result struct {
	// Succeeded is the number of the operations that came to something. A list in which few do shows
	// nothing.
	Succeeded int
	// Difference is empty where the two databases said the same. Else it has what they said, step by step,
	// for a list that was made short.
	Difference string
}

// Compare runs the operations on both databases. Its error is one of making the tables.
func (c Comparison) Compare(ctx context.Context) (result Result, err error) {
	info := c.DB.Info()
	reference := memstore.Open(&memstore.Options{
		SnapshotReads: info.SnapshotTx, NoTransactions: !info.Transactions, TimePrecision: info.TimePrecision,
	})
	defer func() { err = errors.Join(err, reference.Close()) }()
	claim := weaker(info, reference.Info())
	p := &pair{
		ctx:    ctx,
		theirs: side{info.Server, c.DB, claim, c.Table},
		ours:   side{"memstore", reference, claim, c.Table},
	}
	info = claim(info)
	s := &script{random: c.Random, columns: oracle.Columns(info), info: info, kinds: possible(c.Kinds, info)}
	lines := make([]line, c.Steps)
	for i := range lines {
		lines[i] = s.line()
	}
	at := p.differ(lines)
	for _, said := range p.want {
		if strings.Contains(said, " ok") {
			result.Succeeded++
		}
	}
	if at >= 0 {
		result.Difference = p.explain(lines, at)
	}
	return result, p.err
}

// side is one of the two databases.
type side struct {
	name  string
	db    *store.DB
	claim func(store.Info) store.Info // what both can do, which is all that either says of itself
	table func(name string) string
}

// open opens a handle that claims no more than the other side can do.
func (s side) open(o store.Options) (*store.DB, error) {
	limited := intercept.New(s.db.Driver(), intercept.Pass)
	limited.ClaimInfo(s.claim)
	return store.New(limited, &o)
}

// pair runs lists on both sides, and keeps what was said last.
type pair struct {
	ctx          context.Context
	ours, theirs side
	want, have   []string
	err          error // the first one of making tables; no list is run after it
}

// differ runs a list on both sides. It returns the first line of which they say different things, len(lines)
// where they do of what is stored in the end, and -1 where they agree.
func (p *pair) differ(lines []line) int {
	if p.err == nil {
		p.want, p.err = p.ours.perform(p.ctx, lines)
	}
	if p.err == nil {
		p.have, p.err = p.theirs.perform(p.ctx, lines)
	}
	if p.err != nil {
		return -1
	}
	for i := range p.want {
		if p.want[i] != p.have[i] {
			return i
		}
	}
	return -1
}

// explain makes a list short that differs at a line, and returns what both sides say of the rest.
func (p *pair) explain(lines []line, at int) string {
	lines = lines[:min(at+1, len(lines))]
	lines = shrink(lines, func(lines []line) bool {
		return p.differ(lines) >= len(lines)-1 // the last line differs, or what is stored then does
	})
	p.differ(lines)
	if p.err != nil {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s and %s differ at step %d. These steps show it:\n", p.ours.name, p.theirs.name, at)
	for i, l := range append(slices.Clone(lines), line{text: "what is stored in the end"}) {
		fmt.Fprintf(&b, "%d. %s\n", i, l.text)
		if p.want[i] == p.have[i] {
			fmt.Fprintf(&b, "   both: %s\n", p.want[i])
		} else {
			fmt.Fprintf(&b, "   %s: %s\n   %s: %s\n", p.ours.name, p.want[i], p.theirs.name, p.have[i])
		}
	}
	return b.String()
}

// weaker is what both databases can do.
func weaker(a, b store.Info) func(store.Info) store.Info {
	return func(i store.Info) store.Info {
		i.Transactions = a.Transactions && b.Transactions
		i.Views = a.Views && b.Views
		i.AutoKeys = a.AutoKeys && b.AutoKeys
		i.AutoVersion = a.AutoVersion && b.AutoVersion
		i.TimePrecision = max(a.TimePrecision, b.TimePrecision)
		i.DecimalDigits = min(a.DecimalDigits, b.DecimalDigits)
		i.MaxKeys = min(a.MaxKeys, b.MaxKeys)
		i.TrailingSpaces = a.TrailingSpaces && b.TrailingSpaces
		i.CodePointOrder = a.CodePointOrder && b.CodePointOrder
		i.UUIDOrder = a.UUIDOrder && b.UUIDOrder
		return i
	}
}

// shrinks bounds the runs of a shorter list.
const shrinks = 60

// shrink takes away as many lines as it can so that the rest still fails.
func shrink(lines []line, fails func([]line) bool) []line {
	runs := 0
	for size := len(lines) / 2; size > 0; size /= 2 {
		for at := len(lines) - 1 - size; at >= 0; at -= size {
			if runs++; runs > shrinks {
				return lines
			}
			if at+size > len(lines) {
				continue
			}
			if shorter := slices.Delete(slices.Clone(lines), at, at+size); fails(shorter) {
				lines = shorter
			}
		}
	}
	return lines
}

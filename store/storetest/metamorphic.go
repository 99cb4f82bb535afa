package storetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/memstore"
	"github.com/stillframe/stillframe/store/storetest/internal/entity"
	"github.com/stillframe/stillframe/store/storetest/internal/intercept"
	"github.com/stillframe/stillframe/store/storetest/internal/oracle"
)

// Metamorphic: one list of random operations runs on memstore and on the backend under test, and the
// two transcripts must be equal, line by line. Calls come one after the other and no two transactions
// are open at once, so that there is one right answer to each.

// item has a field of each form that is stored in a way of its own.
type item struct {
	store.Snapshot `bson:",inline"`

	ID    int64            `db:"id" bson:"_id" store:"key"`
	Name  string           `db:"name" bson:"name" store:"size=20,unique=item_name"`
	Note  *string          `db:"note" bson:"note" store:"size=20"`
	Count int64            `db:"count_v" bson:"count_v"`
	Real  float64          `db:"real_v" bson:"real_v"`
	Price string           `db:"price" bson:"price" store:"decimal=19.4"`
	At    time.Time        `db:"at_v" bson:"at_v"`
	Data  []byte           `db:"data" bson:"data" store:"size=20"`
	Tags  []string         `db:"tags" bson:"tags" store:"json"`
	Parts map[string]int64 `db:"parts" bson:"parts" store:"json"`
	Made  time.Time        `db:"made" bson:"made" store:"created"`
	Moved time.Time        `db:"moved" bson:"moved" store:"updated"`
}

// String shows everything but ReadAt.
func (i item) String() string {
	note := "NULL"
	if i.Note != nil {
		note = fmt.Sprintf("%q", *i.Note)
	}
	at := func(t time.Time) string { return t.Format(time.RFC3339Nano) }
	return fmt.Sprintf("{%d v%d %q note %s count %d real %v price %s at %s data %#v tags %#v parts %#v made %s moved %s}",
		i.ID, i.Version, i.Name, note, i.Count, i.Real, i.Price, at(i.At), i.Data, i.Tags, i.Parts, at(i.Made), at(i.Moved))
}

// world is a database on which a list of operations runs.
type world struct {
	ctx   context.Context
	db    *store.DB
	tx    *store.Tx
	items *store.Repository[item, int64]
	autos *store.Repository[entity.Ticket, int64] // nil where the database makes no keys
	prob  *store.Repository[oracle.Probe, int64]
	held  []*item // copies that the operations hold
	made  []int64 // the keys that the database made, by their order
	now   time.Time
}

// line is one operation. Everything random in it was chosen when it was made, so that it does the
// same wherever it runs.
type line struct {
	text string
	run  func(w *world) string
}

const copies = 4 // that are held

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

// side is one of the two databases.
type side struct {
	e    *env
	name string
	open func(o store.Options) *store.DB
}

// sides are the backend under test and a memstore of its family, both with the weaker Info.
func sides(e *env) (theirs, ours side, info store.Info) {
	options := memstore.Options{SnapshotReads: e.info.SnapshotTx, NoTransactions: !e.info.Transactions, TimePrecision: e.info.TimePrecision}
	reference := memstore.Open(&options)
	e.Cleanup(func() { _ = reference.Close() })
	claim := weaker(e.info, reference.Info())
	limited := func(db *store.DB) func(o store.Options) *store.DB {
		return func(o store.Options) *store.DB {
			d := intercept.New(db.Driver(), func(ctx context.Context, _ *intercept.Call, next func(context.Context) error) error { return next(ctx) })
			d.ClaimInfo(claim)
			limited, err := store.New(d, &o)
			require.NoError(e, err)
			return limited
		}
	}
	return side{e, e.info.Server, limited(e.db)}, side{e, "memstore", limited(reference)}, claim(e.info)
}

// perform runs the lines on tables of their own and returns what each said.
func (s side) perform(lines []line) []string {
	w := &world{ctx: s.e.ctx, held: make([]*item, copies)}
	w.db = s.open(store.Options{Now: func() time.Time { return w.now }})
	small := &store.RepositoryOptions{PageSize: 3}
	w.items = over[item, int64](s.e, w.db, s.e.table("item"), small)
	w.prob = over[oracle.Probe, int64](s.e, w.db, s.e.table("probe"), small)
	require.NoError(s.e, w.items.EnsureSchema(w.ctx))
	require.NoError(s.e, w.prob.EnsureSchema(w.ctx))
	if w.db.Info().AutoKeys {
		w.autos = over[entity.Ticket, int64](s.e, w.db, s.e.table("auto"), small)
		require.NoError(s.e, w.autos.EnsureSchema(w.ctx))
	}
	said := make([]string, len(lines))
	for i, l := range lines {
		w.now = kickoff.Add(time.Duration(i) * time.Second)
		said[i] = l.run(w)
	}
	return append(said, w.all())
}

// all is what is stored in the end.
func (w *world) all() string {
	items, err := store.Collect(w.items.Find(w.ctx, store.Query{}))
	return show(items) + w.ended(err)
}

// transcripts compares the two databases on a list of random operations.
func transcripts(e *env, n int, weights map[string]int) {
	theirs, ours, info := sides(e)
	random := rand.New(rand.NewPCG(e.seed(), 0))
	limits := *e
	limits.info = info
	s := &script{random: random, columns: oracle.Columns(info), info: info, kinds: possible(weights, info)}
	lines := make([]line, n)
	for i := range lines {
		lines[i] = s.line()
	}
	want, have := ours.perform(lines), theirs.perform(lines)
	at := differ(want, have)
	if at < 0 {
		ok := 0
		for _, said := range want {
			if strings.Contains(said, " ok") {
				ok++
			}
		}
		e.Logf("%d steps, %d of which came to something", n, ok)
		require.Greater(e, ok, n/5)
		return
	}
	lines = lines[:min(at+1, len(lines))]
	lines = shrink(lines, func(lines []line) bool {
		// The last line differs, or what is stored then does.
		at := differ(ours.perform(lines), theirs.perform(lines))
		return at >= len(lines)-1
	})
	want, have = ours.perform(lines), theirs.perform(lines)
	var b strings.Builder
	fmt.Fprintf(&b, "%s and %s differ at step %d. These steps show it:\n", ours.name, theirs.name, at)
	for i, l := range append(slices.Clone(lines), line{text: "what is stored in the end"}) {
		fmt.Fprintf(&b, "%d. %s\n", i, l.text)
		if want[i] == have[i] {
			fmt.Fprintf(&b, "   both: %s\n", want[i])
		} else {
			fmt.Fprintf(&b, "   %s: %s\n   %s: %s\n", ours.name, want[i], theirs.name, have[i])
		}
	}
	e.Error(b.String())
}

// differ returns the first line that differs, -1 where none does.
func differ(a, b []string) int {
	for i := range a {
		if a[i] != b[i] {
			return i
		}
	}
	return -1
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

// ended says how a call ended: by the names of its error, and by what that carries.
func (w *world) ended(err error) string {
	if own, ok := errors.AsType[*store.Error](err); ok {
		return outcomeOf(err) + ", " + own.Op + " " + own.Key
	}
	return outcomeOf(err)
}

// outcomeOf leaves out the key, which the database may have made.
func outcomeOf(err error) string {
	if err == nil {
		return " ok"
	}
	var names []string
	for _, sentinel := range sentinels {
		if errors.Is(err, sentinel) {
			names = append(names, sentinel.Error())
		}
	}
	if conflict, ok := errors.AsType[*store.ConflictError](err); ok {
		names = append(names, fmt.Sprintf("have %d, stored %d", conflict.Expected, conflict.Actual))
	}
	if errors.Is(err, errBoom) {
		names = append(names, "boom")
	}
	if len(names) == 0 {
		names = append(names, "an error without a name")
	}
	return " " + strings.Join(names, ", ")
}

func show(items []item) string {
	var b strings.Builder
	for _, i := range items {
		b.WriteString(i.String())
	}
	return b.String()
}

package script

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/storetest/internal/entity"
	"github.com/stillframe/stillframe/store/storetest/internal/oracle"
	"github.com/stillframe/stillframe/store/storetest/internal/outcome"
)

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
	return fmt.Sprintf(
		"{%d v%d %q note %s count %d real %v price %s at %s data %#v tags %#v parts %#v made %s moved %s}",
		i.ID, i.Version, i.Name, note, i.Count, i.Real, i.Price,
		at(i.At), i.Data, i.Tags, i.Parts, at(i.Made), at(i.Moved),
	)
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

// perform runs the lines on tables of their own and returns what each said, and what is stored then.
func (s side) perform(ctx context.Context, lines []line) ([]string, error) {
	w, err := s.world(ctx)
	if err != nil {
		return nil, err
	}
	said := make([]string, len(lines))
	for i, l := range lines {
		w.now = entity.Kickoff.Add(time.Duration(i) * time.Second)
		said[i] = l.run(w)
	}
	return append(said, w.all()), nil
}

// world makes the tables for one list.
func (s side) world(ctx context.Context) (*world, error) {
	w := &world{ctx: ctx, held: make([]*item, copies)}
	var err error
	if w.db, err = s.open(store.Options{Now: func() time.Time { return w.now }}); err != nil {
		return nil, err
	}
	if w.items, err = made[item](ctx, w.db, s.table("item")); err != nil {
		return nil, err
	}
	if w.prob, err = made[oracle.Probe](ctx, w.db, s.table("probe")); err != nil {
		return nil, err
	}
	if w.db.Info().AutoKeys {
		w.autos, err = made[entity.Ticket](ctx, w.db, s.table("auto"))
	}
	return w, err
}

// made makes a table. Its pages are small, so that a few rows are several of them.
func made[T any](ctx context.Context, db *store.DB, table string) (*store.Repository[T, int64], error) {
	r, err := store.NewRepository[T, int64](db, table, &store.RepositoryOptions{PageSize: 3})
	if err != nil {
		return nil, err
	}
	return r, r.EnsureSchema(ctx)
}

// all is what is stored in the end.
func (w *world) all() string {
	items, err := store.Collect(w.items.Find(w.ctx, store.Query{}))
	return show(items) + w.ended(err)
}

// ended says how a call ended: by the names of its error, and by what that carries.
func (w *world) ended(err error) string {
	if own, ok := errors.AsType[*store.Error](err); ok {
		return outcomeOf(err) + ", " + own.Op + " " + own.Key
	}
	return outcomeOf(err)
}

// errBoom is an error of the caller's own.
var errBoom = errors.New("boom")

// outcomeOf leaves out the key, which the database may have made.
func outcomeOf(err error) string {
	if err == nil {
		return " ok"
	}
	names := outcome.Names(err)
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

// in is the repository in the Tx that is open, if there is one.
func (w *world) in() *store.Repository[item, int64] {
	if w.tx != nil {
		return w.items.In(w.tx)
	}
	return w.items
}

// hold keeps what a call returned.
func (w *world) hold(at int, i item, err error) string {
	if err == nil {
		w.held[at] = &i
	}
	return fmt.Sprint(i, w.ended(err))
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

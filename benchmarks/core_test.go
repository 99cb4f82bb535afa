package benchmarks

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/driver"
	"github.com/stillframe/stillframe/store/memstore"
)

// Club is what the benchmarks read and write.
type Club struct {
	store.Snapshot `bson:",inline"`
	ID             int64  `db:"id" bson:"_id" store:"key"`
	Name           string `db:"name" store:"size=60"`
	City           string `db:"city" store:"size=60"`
	Balance        int64  `db:"balance"`
	Rating         float64
}

// tapped hands out the collection that a repository works on, so that a benchmark can make the same
// calls on the backend alone.
type tapped struct {
	driver.Database
	spec       *driver.Spec
	collection driver.Collection
}

func (d *tapped) Collection(spec *driver.Spec) (c driver.Collection, err error) {
	d.spec = spec
	d.collection, err = d.Database.Collection(spec)
	return d.collection, err
}

// BenchmarkCore runs each verb through package store and then makes the same calls on the embedded
// backend alone: the difference is what the core adds.
func BenchmarkCore(b *testing.B) {
	ctx := context.Background()
	tap := &tapped{Database: memstore.Open(nil).Driver()}
	db, err := store.New(tap, nil)
	require.NoError(b, err)
	clubs, err := store.NewRepository[Club, int64](db, "clubs", nil)
	require.NoError(b, err)
	for i := range 1000 {
		require.NoError(b, clubs.Insert(ctx, &Club{ID: int64(i), Name: fmt.Sprint("club ", i), City: "Leicester"}))
	}
	version := &tap.spec.Version
	balance := 0
	for i := range tap.spec.Fields {
		if tap.spec.Fields[i].Name == "Balance" {
			balance = i
		}
	}
	get := func(b *testing.B, into, base driver.Record) {
		r, err := tap.collection.Get(ctx, &driver.GetParams{Key: int64(7), Into: into, Base: base})
		if err != nil || !r.Found {
			b.Fatal(err)
		}
	}
	update := func(b *testing.B, r driver.Record, fields []int) {
		v := r.Field(version).Int()
		w, err := tap.collection.Update(ctx,
			&driver.UpdateParams{Key: int64(7), Record: r, Fields: fields, Expect: v, Next: v + 1})
		if err != nil || w.Outcome != driver.Applied {
			b.Fatal(err, w)
		}
		r.Field(version).SetInt(v + 1)
	}
	run := func(name string, work func(b *testing.B)) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			work(b)
		})
	}

	run("Get/Store", func(b *testing.B) {
		for b.Loop() {
			if _, err := clubs.Get(ctx, 7); err != nil {
				b.Fatal(err)
			}
		}
	})
	run("Get/Driver", func(b *testing.B) {
		for b.Loop() {
			get(b, driver.RecordOf(new(Club)), driver.Record{})
		}
	})
	run("Save/Store", func(b *testing.B) {
		club, err := clubs.Get(ctx, 7)
		require.NoError(b, err)
		for b.Loop() {
			if err := clubs.Save(ctx, &club); err != nil {
				b.Fatal(err)
			}
		}
	})
	run("Save/Driver", func(b *testing.B) {
		r := driver.RecordOf(new(Club))
		get(b, r, driver.Record{})
		for b.Loop() {
			update(b, r, nil)
		}
	})
	run("Modify/Store", func(b *testing.B) {
		for b.Loop() {
			if _, err := clubs.Modify(ctx, 7, func(c *Club) error { c.Balance++; return nil }); err != nil {
				b.Fatal(err)
			}
		}
	})
	run("Modify/Driver", func(b *testing.B) {
		for b.Loop() {
			r := driver.RecordOf(new(Club))
			get(b, r, driver.RecordOf(new(Club)))
			r.Pointer().(*Club).Balance++
			update(b, r, []int{balance})
		}
	})
	run("AtomicOfTwo/Store", func(b *testing.B) {
		for b.Loop() {
			err := db.Atomic(ctx, nil, func(ctx context.Context, tx *store.Tx) error {
				for id := range int64(2) {
					if _, err := clubs.In(tx).Modify(ctx, id,
						func(c *Club) error { c.Balance++; return nil }); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				b.Fatal(err)
			}
		}
	})
	run("Find1000/Store", func(b *testing.B) {
		for b.Loop() {
			n := 0
			for _, err := range clubs.Find(ctx, store.Query{}) {
				if err != nil {
					b.Fatal(err)
				}
				n++
			}
			if n != 1000 {
				b.Fatal(n)
			}
		}
	})
}

// TestAllocations holds the number of allocations of each verb, the embedded backend's included: a write there makes a
// new state with new nodes on the way to its row. It grows with a reason or not at all.
func TestAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	ctx := context.Background()
	db := memstore.Open(nil)
	clubs := store.MustRepository[Club, int64](db, "clubs", nil)
	club := Club{ID: 7}
	require.NoError(t, clubs.Insert(ctx, &club))
	for _, tt := range []struct {
		name string
		most float64
		work func() error
	}{
		{"Get", 2, func() error { _, err := clubs.Get(ctx, 7); return err }},
		{"Save", 23, func() error { return clubs.Save(ctx, &club) }},
		{"Modify", 25, func() error {
			_, err := clubs.Modify(ctx, 7, func(c *Club) error { c.Balance++; return nil })
			club.Version++
			return err
		}},
	} {
		allocs := testing.AllocsPerRun(100, func() { require.NoError(t, tt.work()) })
		require.LessOrEqual(t, allocs, tt.most, tt.name)
	}
}

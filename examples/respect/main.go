// Command respect tells the story of a script that goes over all families of a game and gives some of them gold, while
// players go on playing: what it destroys when it saves what it has read, what Save says to that, and the same change
// as a plan that can be looked at, bounded, interrupted and undone.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/stillframe/stillframe/refresh/longrun"
	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/edit"
	"github.com/stillframe/stillframe/store/memstore"
)

// Family is what the players own.
type Family struct {
	store.Snapshot
	ID    int64  `db:"id" store:"key"`
	Name  string `db:"name" store:"size=40"`
	Level int64  `db:"level"`
	Gold  int64  `db:"gold"`
}

// Families is the table of them.
type Families = store.Repository[Family, int64]

const families, playing = 10_000, 150

func main() {
	if err := run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

// run plays the parts on a database in memory.
func run(ctx context.Context) error {
	for _, part := range []struct {
		title string
		play  func(context.Context, *Families) error
	}{
		{"The script that writes what it has read", careless},
		{"The same, by Save", checked},
		{"With SkipUnchanged", skipping},
		{"As a plan", planned},
	} {
		fmt.Println(part.title)
		all := store.MustRepository[Family, int64](memstore.Open(nil), "families", nil)
		for id := int64(1); id <= families; id++ {
			f := Family{ID: id, Name: fmt.Sprint("family ", id), Level: id % 20, Gold: 100}
			if err := all.Insert(ctx, &f); err != nil {
				return err
			}
		}
		if err := part.play(ctx, all); err != nil {
			return err
		}
	}
	return nil
}

// play is the live traffic: some families win a piece of gold each.
func play(ctx context.Context, all *Families) error {
	for id := int64(1); id <= playing; id++ {
		if _, err := all.Modify(ctx, id, func(f *Family) error { f.Gold++; return nil }); err != nil {
			return err
		}
	}
	return nil
}

// read is how the script begins: it holds a copy of everybody, which gets older from then on.
func read(ctx context.Context, all *Families) (copies []Family, err error) {
	for f, err := range all.Find(ctx, store.Query{}) {
		if err != nil {
			return nil, err
		}
		copies = append(copies, f)
	}
	return copies, play(ctx, all)
}

// careless writes whole rows as many a library does by default: whatever stands there is overwritten.
func careless(ctx context.Context, all *Families) error {
	copies, err := read(ctx, all)
	if err != nil {
		return err
	}
	lost := 0
	for _, f := range copies {
		if f.Level < 3 {
			f.Gold += 50
		}
		isStale := false
		_, err := all.Modify(ctx, f.ID, func(there *Family) error {
			isStale = there.Version != f.Version
			there.Name, there.Level, there.Gold = f.Name, f.Level, f.Gold
			return nil
		})
		if err != nil {
			return err
		}
		if isStale {
			lost++
		}
	}
	fmt.Printf("  wrote %d families, and took back what %d had won meanwhile; nobody was told\n", families, lost)
	return nil
}

// checked saves the copies: each stale one is refused. It saves those that it has not changed as well, as such scripts
// do, and so makes every copy stale that a player's request holds meanwhile.
func checked(ctx context.Context, all *Families) error { return saveAll(ctx, all) }

// skipping is checked with SkipUnchanged: of a copy that has not changed Save looks at the version and writes nothing.
func skipping(ctx context.Context, all *Families) error {
	o := store.RepositoryOptions{SkipUnchanged: true}
	return saveAll(ctx, store.MustRepository[Family, int64](all.DB(), "families", &o))
}

// saveAll is the script by Save, and says what it has come to.
func saveAll(ctx context.Context, all *Families) error {
	copies, err := read(ctx, all)
	if err != nil {
		return err
	}
	changed, written, conflicts := 0, 0, 0
	var last error
	for _, f := range copies {
		if f.Level < 3 {
			changed++
			f.Gold += 50
		}
		before := f.Version
		switch err := all.Save(ctx, &f); {
		case errors.Is(err, store.ErrConflict):
			conflicts, last = conflicts+1, err
		case err != nil:
			return err
		case f.Version != before:
			written++
		}
	}
	fmt.Printf("  changed %d families and wrote %d\n  %d were stale and refused, nothing was lost: %v\n",
		changed, written, conflicts, last)
	return nil
}

// bonus is what the edit does with one family.
func bonus(f *Family) error { f.Gold += 50; return nil }

// planned makes the change by a plan: with the wrong query first.
func planned(ctx context.Context, all *Families) error {
	options := edit.Options{Most: 2000, By: "ann", Longrun: longrun.Options{Poll: 10 * time.Millisecond}}
	_, err := edit.New(all, "2026-11-bonus", store.Where("Level", store.Lt, 30), bonus, &options).Plan(ctx)
	if tooMany, ok := errors.AsType[*edit.BoundError](err); ok {
		fmt.Printf("  refused: it selects %d of %d rows, and %s\n", tooMany.Matched, tooMany.Total, tooMany.Bound)
	}

	var stop context.CancelFunc
	options.Progress = func(done, total int64) {
		if stop != nil && done >= total/2 {
			stop()
		}
	}
	e := edit.New(all, "2026-11-bonus", store.Where("Level", store.Lt, 3), bonus, &options)
	plan, err := e.Plan(ctx)
	if err != nil {
		return err
	}
	if err := plan.Print(os.Stdout); err != nil {
		return err
	}
	if err := errors.Join(e.Approve(ctx, "bob"), play(ctx, all)); err != nil {
		return err
	}
	half, cancel := context.WithCancel(ctx)
	defer cancel()
	stop = cancel
	if _, err := e.Apply(half); !errors.Is(err, context.Canceled) {
		return fmt.Errorf("it was to be interrupted: %w", err)
	}
	fmt.Println("  interrupted in the middle; another process goes on")
	stop = nil
	status, err := e.Apply(ctx)
	if err != nil {
		return err
	}
	fmt.Printf("  applied %d, held %d that were no longer as planned\n", status.Rows[edit.RowApplied],
		status.Rows[edit.Held])
	for id := int64(200); id < 300; id++ {
		if _, err := all.Modify(ctx, id, func(f *Family) error { f.Gold -= 20; return nil }); err != nil {
			return err
		}
	}
	if status, err = e.Undo(ctx, nil); err != nil {
		return err
	}
	fmt.Printf("  took back %d, kept %d that were touched since\n", status.Rows[edit.RowUndone], status.Rows[edit.Kept])
	return nil
}

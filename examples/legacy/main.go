// Command legacy tells the story of an old service, written in Python, that goes on writing a table beside a new one in
// Go: what each takes from the other without noticing, what a trigger on the table mends of that, and what only the
// version in the old one's own statement does.
//
// Without a flag the database is in memory, and the old service a stand-in for it. With -mysql and -python it is a
// process with SQLAlchemy and PyMySQL on a real server.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"

	"github.com/stillframe/stillframe/mysql"
	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/memstore"
)

// Player is a row that both services write.
type Player struct {
	store.Snapshot
	ID   int64 `db:"id" store:"key"`
	Gold int64 `db:"gold"`
}

// Players is the table of them.
type Players = store.Repository[Player, int64]

const table = "legacy_players"

func main() {
	dsn := flag.String("mysql", "", "`DSN` of a MySQL or MariaDB database")
	python := flag.String("python", "python3", "`interpreter` that has SQLAlchemy and PyMySQL, with -mysql")
	flag.Parse()
	if err := run(context.Background(), *dsn, *python); err != nil {
		log.Fatal(err)
	}
}

// part is a part of the story.
type part struct {
	title                  string
	isTriggered, isChecked bool
}

// run tells the three parts, each of a player of its own.
func run(ctx context.Context, dsn, python string) error {
	memory := memstore.Open(nil)
	defer memory.Close()
	for i, p := range []part{
		{"The old service writes as it always has", false, false},
		{"The table moves the version for it", true, false},
		{"The old service has the version in its update", true, true},
	} {
		if err := p.tell(ctx, memory, dsn, python, int64(i+1)); err != nil {
			return err
		}
	}
	return nil
}

// tell tells one part.
func (p part) tell(ctx context.Context, memory *store.DB, dsn, python string, id int64) error {
	fmt.Println(p.title)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	db, old, err := open(ctx, memory, dsn, python, p.isTriggered)
	if err != nil {
		return err
	}
	if db != memory {
		defer db.Close()
	}
	players := store.MustRepository[Player, int64](db, table, nil)
	if err := errors.Join(players.EnsureSchema(ctx), players.Insert(ctx, &Player{ID: id, Gold: 100})); err != nil {
		return err
	}
	return errors.Join(sale(ctx, players, old, id, p.isChecked), edit(ctx, players, old, id))
}

// open opens the database for the new service, and starts the old one.
func open(
	ctx context.Context, memory *store.DB, dsn, python string, isTriggered bool,
) (*store.DB, service, error) {
	if dsn == "" {
		raw, _ := memstore.Native(memory)
		return memory, &standIn{raw, isTriggered}, nil
	}
	db, err := mysql.Open(ctx, dsn, &mysql.Options{VersionTriggers: isTriggered})
	if err != nil {
		return nil, nil, err
	}
	old, err := startPython(ctx, python, dsn)
	if err != nil {
		return nil, nil, errors.Join(err, db.Close())
	}
	return db, old, nil
}

// sale has the new service take 30 for a shield while the old one pays 10 for a win.
func sale(ctx context.Context, players *Players, old service, id int64, isChecked bool) error {
	gold, version, err := old.read(ctx, id)
	if err != nil {
		return err
	}
	if _, err := players.Modify(ctx, id, func(p *Player) error { p.Gold -= 30; return nil }); err != nil {
		return err
	}
	if !isChecked {
		if err := old.write(ctx, id, gold+10); err != nil {
			return err
		}
		p, err := players.Get(ctx, id)
		fmt.Printf("  100 gold, a shield for 30, a win for 10: %d. The shield was for nothing\n", p.Gold)
		return err
	}
	for again := 0; ; again++ {
		isStored, err := old.writeChecked(ctx, id, gold+10, version)
		if err != nil {
			return err
		}
		if isStored {
			p, err := players.Get(ctx, id)
			fmt.Printf("  100 gold, a shield for 30, a win for 10: %d. ", p.Gold)
			fmt.Printf("The old service was told, and read %d time more\n", again)
			return err
		}
		if gold, version, err = old.read(ctx, id); err != nil {
			return err
		}
	}
}

// edit has a person hold a copy in the new service while the old one pays 10 for a win.
func edit(ctx context.Context, players *Players, old service, id int64) error {
	held, err := players.Get(ctx, id)
	if err != nil {
		return err
	}
	if err := old.write(ctx, id, held.Gold+10); err != nil {
		return err
	}
	held.Gold += 5
	switch err := players.Save(ctx, &held); {
	case errors.Is(err, store.ErrConflict):
		fmt.Println("  a copy that was held meanwhile was refused:", err)
	case err != nil:
		return err
	default:
		fmt.Println("  a copy that was held meanwhile was saved, and the win is gone")
	}
	return nil
}

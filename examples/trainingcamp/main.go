// Command trainingcamp is work that survives: a player trains forty sessions, each exactly once, while the camp is
// paused from another process, and its worker is killed in the middle.
//
//	go run ./examples/trainingcamp                      in memory, with goroutines for processes
//	go run ./examples/trainingcamp -mysql "$MYSQL"      processes over MySQL or MariaDB
//	go run ./examples/trainingcamp -mongo "$MONGO"      processes over a replica set of MongoDB
//
// With -http localhost:8080 the page of the operations is served, and the story waits in the end.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"time"

	"github.com/stillframe/stillframe/mongo"
	"github.com/stillframe/stillframe/mysql"
	"github.com/stillframe/stillframe/refresh"
	"github.com/stillframe/stillframe/refresh/longrun"
	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/memstore"
)

// Player goes to the camp.
type Player struct {
	store.Snapshot `bson:",inline"`
	ID             int64 `db:"id" bson:"_id" store:"key"`
	Sessions       int64 `db:"sessions" bson:"sessions"`
}

// Camp is the state of the operation.
type Camp struct {
	Player   int64
	Done     int64
	Sessions int64
}

// game is what every process has.
type game struct {
	db      *store.DB
	players *store.Repository[Player, int64]
	camps   *longrun.Kind[Camp]
}

// options let the story be short: a worker that is killed is noticed after two seconds.
var options = &longrun.Options{Lease: 2 * time.Second, Poll: 100 * time.Millisecond}

func newGame(db *store.DB) (*game, error) {
	g := &game{db: db}
	var err error
	if g.players, err = store.NewRepository[Player, int64](db, "camp_players", nil); err != nil {
		return nil, err
	}
	g.camps, err = longrun.New(db, "training", g.train, options)
	return g, err
}

// train is the operation. A session and its checkpoint are stored together, so that each happens exactly once.
func (g *game) train(ctx context.Context, step *longrun.Step[Camp]) error {
	for step.State.Done < step.State.Sessions {
		if err := step.Atomic(ctx, func(ctx context.Context, tx *store.Tx) error {
			step.State.Done++
			_, err := g.players.In(tx).Modify(ctx, step.State.Player, func(p *Player) error {
				p.Sessions++
				return nil
			})
			return err
		}); err != nil {
			return err
		}
		step.Progress(step.State.Done, step.State.Sessions, fmt.Sprintf("session %d", step.State.Done))
		if err := step.Sleep(ctx, 30*time.Millisecond); err != nil { // which is the training
			return err
		}
	}
	return nil
}

// worker is a process that works, or a goroutine that stands for one.
type worker interface {
	// end kills a process, and stops a goroutine.
	end() (how string)
}

// story is told by the process that works not at all: it starts, pauses, resumes and looks.
func (g *game) story(ctx context.Context, begin func() (worker, error)) error {
	if err := g.players.EnsureSchema(ctx); err != nil {
		return err
	}
	if err := g.camps.EnsureSchema(ctx); err != nil {
		return err
	}
	id := fmt.Sprint(time.Now().UnixNano()) // the story may be told again on the same database
	player := Player{ID: time.Now().UnixNano()}
	err := g.db.Atomic(ctx, nil, func(ctx context.Context, tx *store.Tx) error {
		if err := g.players.In(tx).Insert(ctx, &player); err != nil {
			return err
		}
		return g.camps.In(tx).Start(ctx, id, Camp{Player: player.ID, Sessions: 40}, nil)
	})
	if err != nil {
		return err
	}
	fmt.Println("The camp is started, with its player, in one transaction.")

	first, err := begin()
	if err != nil {
		return err
	}
	if err := g.trained(ctx, player.ID, 5); err != nil {
		return err
	}
	if err := g.camps.Pause(ctx, id, longrun.By{Who: "anna", Why: "rain"}); err != nil {
		return err
	}
	for status := (longrun.Status{}); status.Phase != longrun.Paused; {
		if status, _, err = g.camps.Status(ctx, id); err != nil {
			return err
		}
	}
	status, _, err := g.camps.Status(ctx, id)
	if err != nil {
		return err
	}
	fmt.Printf("It is %s by %s: %s.\n", status.Phase, status.By.Who, status.By.Why)
	if err := g.camps.Resume(ctx, id, longrun.By{Who: "ben"}); err != nil {
		return err
	}
	if err := g.trained(ctx, player.ID, 15); err != nil {
		return err
	}
	fmt.Printf("It is resumed, and its worker is %s in the middle.\n", first.end())

	second, err := begin()
	if err != nil {
		return err
	}
	defer second.end()
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	if status, err = g.camps.Wait(ctx, id, nil); err != nil {
		return err
	}
	if err := g.players.Reload(ctx, &player); err != nil {
		return err
	}
	fmt.Printf("Another worker has gone on. The camp is %s, and the player has trained %d of 40 sessions.\n",
		status.Phase, player.Sessions)
	return nil
}

// trained waits until the player has trained so often.
func (g *game) trained(ctx context.Context, player, sessions int64) error {
	_, err := refresh.Wait(ctx, g.players, player, func(p Player) (bool, error) { return p.Sessions >= sessions, nil },
		&refresh.Options{Name: fmt.Sprintf("%d sessions", sessions), Timeout: time.Minute})
	return err
}

// goroutine stands for a process, in memory.
type goroutine struct {
	cancel context.CancelFunc
	ended  chan error
}

func (g *goroutine) end() string {
	g.cancel()
	if err := <-g.ended; err != nil {
		log.Print(err)
	}
	return "stopped"
}

// process is a worker of its own.
type process struct{ command *exec.Cmd }

func (p *process) end() string {
	_ = p.command.Process.Kill()
	_ = p.command.Wait()
	return "killed"
}

// run opens the database of the flags and tells the story, or works.
func run(ctx context.Context, dsn, uri, address string, isWorker bool) error {
	var db *store.DB
	var err error
	switch {
	case dsn != "":
		db, err = mysql.Open(ctx, dsn, nil)
	case uri != "":
		db, err = mongo.Open(ctx, uri, "game", nil)
	default:
		db = memstore.Open(nil)
	}
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	g, err := newGame(db)
	if err != nil {
		return err
	}
	if isWorker {
		return g.camps.Work(ctx)
	}
	if address != "" {
		handler, err := longrun.Handler(db, &longrun.HandlerOptions{Write: true})
		if err != nil {
			return err
		}
		server := &http.Server{Addr: address, Handler: handler, ReadHeaderTimeout: 5 * time.Second}
		defer func() { _ = server.Close() }()
		go func() { _ = server.ListenAndServe() }()
	}
	err = g.story(ctx, func() (worker, error) {
		if dsn == "" && uri == "" {
			ctx, cancel := context.WithCancel(ctx)
			w := &goroutine{cancel, make(chan error, 1)}
			go func() { w.ended <- g.camps.Work(ctx) }()
			return w, nil
		}
		command := exec.Command(os.Args[0], "-mysql", dsn, "-mongo", uri, "-worker")
		command.Env = append(os.Environ(), childVariable+"=1")
		command.Stderr = os.Stderr
		return &process{command}, command.Start()
	})
	if err == nil && address != "" {
		fmt.Printf("http://%s\n", address)
		<-ctx.Done()
	}
	return err
}

// childVariable is set in a process that the story has begun.
const childVariable = "TRAININGCAMP_WORKER"

func main() {
	dsn := flag.String("mysql", "", "the data source name of a database of MySQL or MariaDB")
	uri := flag.String("mongo", "", "the connection string of a replica set of MongoDB")
	address := flag.String("http", "", "where to serve the page of the operations")
	isWorker := flag.Bool("worker", false, "work, and tell no story")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *dsn, *uri, *address, *isWorker); err != nil {
		log.Fatal(err)
	}
}

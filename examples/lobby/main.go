// Command lobby serves a page that shows who waits for a match, and changes as they come, play and leave: one Follow
// over the table, whose pages go to every browser as server-sent events. It needs Go alone.
//
//	go run ./examples/lobby        then open http://localhost:8080 in two windows
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"html/template"
	"log"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"sync"
	"time"

	"github.com/stillframe/stillframe/refresh"
	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/memstore"
)

// Player waits in the lobby.
type Player struct {
	store.Snapshot
	Name    string    `db:"name" store:"key,size=30"`
	Rating  int64     `db:"rating"`
	Waiting bool      `db:"waiting"`
	Since   time.Time `db:"since" store:"created"`
}

// Players is the table of them.
type Players struct {
	*store.Repository[Player, string]
}

// inLobby is what the page shows.
var inLobby = store.Where("Waiting", store.Eq, true).OrderByDesc("Rating").Limit(20)

// Page is what a query shows of the lobby.
type Page = refresh.Page[Player, string]

// Lobby follows the players, and gives each browser the newest page.
type Lobby struct {
	players Players

	mu      sync.Mutex
	newest  string        // the page's table, as HTML
	changed chan struct{} // closed when there is a newer one
	// onListen is told of each browser that listens, in tests.
	onListen func()
}

// Run follows the players until ctx ends.
func (l *Lobby) Run(ctx context.Context) error {
	for page, err := range refresh.Follow(ctx, l.players, inLobby, nil) {
		if err != nil {
			return err
		}
		var b bytes.Buffer
		if err := views.ExecuteTemplate(&b, "table", page); err != nil {
			return err
		}
		l.mu.Lock()
		l.newest = b.String()
		close(l.changed)
		l.changed = make(chan struct{})
		l.mu.Unlock()
	}
	return nil
}

// look returns the newest table, and what is closed when there is a newer one.
func (l *Lobby) look() (table string, changed chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.newest, l.changed
}

// Handler serves the page, its events, and the forms that it holds.
func (l *Lobby) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", l.page)
	mux.HandleFunc("GET /events", l.events)
	mux.HandleFunc("POST /join", l.join)
	mux.HandleFunc("POST /leave", l.leave)
	return http.NewCrossOriginProtection().Handler(mux)
}

// page answers with the lobby as it is now: it can be read without a script.
func (l *Lobby) page(w http.ResponseWriter, _ *http.Request) {
	table, _ := l.look()
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if err := views.ExecuteTemplate(w, "page", template.HTML(table)); err != nil { // which a template has made
		log.Print(err)
	}
}

// events sends the table whenever it changes. A browser that is slow gets the newest next.
func (l *Lobby) events(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	out := http.NewResponseController(w)
	for isFirst := true; ; isFirst = false {
		table, changed := l.look()
		if _, err := fmt.Fprintf(w, "data: %s\n\n", strings.ReplaceAll(table, "\n", "\ndata: ")); err != nil {
			return
		}
		if err := out.Flush(); err != nil {
			return
		}
		if isFirst && l.onListen != nil {
			l.onListen()
		}
		select {
		case <-changed:
		case <-r.Context().Done():
			return
		}
	}
}

// join has a player wait, who may have been here before.
func (l *Lobby) join(w http.ResponseWriter, r *http.Request) {
	_, err := l.players.Upsert(r.Context(), r.FormValue("name"), func(p *Player, found bool) error {
		if !found {
			p.Rating = 1000
		}
		p.Waiting = true
		return nil
	})
	l.answer(w, r, err)
}

// leave has a player wait no more.
func (l *Lobby) leave(w http.ResponseWriter, r *http.Request) {
	_, err := l.players.Modify(r.Context(), r.FormValue("name"), func(p *Player) error {
		p.Waiting = false
		return nil
	})
	l.answer(w, r, err)
}

// answer sends the browser back to the page, or says what was wrong.
func (l *Lobby) answer(w http.ResponseWriter, r *http.Request, err error) {
	switch {
	case errors.Is(err, store.ErrInvalid):
		http.Error(w, "a name has 1 to 30 characters", http.StatusBadRequest)
	case errors.Is(err, store.ErrNotFound):
		http.NotFound(w, r)
	case err != nil:
		log.Print(err)
		http.Error(w, "try again", http.StatusInternalServerError)
	default:
		http.Redirect(w, r, "/", http.StatusSeeOther)
	}
}

// views are the page and the table in it.
var views = template.Must(template.New("").Parse(`
{{define "table"}}<table><thead><tr><th>Player</th><th>Rating</th><th></th></tr></thead><tbody>
{{range .Items}}<tr><td>{{.Name}}</td><td>{{.Rating}}</td><td><form method="post" action="/leave">
<button name="name" value="{{.Name}}">leave</button></form></td></tr>
{{else}}<tr><td colspan="3">Nobody waits.</td></tr>
{{end}}</tbody></table>{{end}}
{{define "page"}}<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Lobby</title>
<style>
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif }
body { max-width: 34rem; margin: 2rem auto; padding: 0 1rem }
table { width: 100%; border-collapse: collapse; margin-bottom: 1.5rem }
th, td { text-align: left; padding: .4rem .6rem; border-bottom: 1px solid #8886 }
td:nth-child(2) { font-variant-numeric: tabular-nums }
td form { margin: 0; text-align: right }
</style></head>
<body><h1>Lobby</h1>
<div id="lobby">{{.}}</div>
<form method="post" action="/join"><label>Name <input name="name" maxlength="30" required></label> <button>join</button></form>
<script>
new EventSource("/events").onmessage = e => document.getElementById("lobby").innerHTML = e.data;
</script></body></html>{{end}}`))

// open makes a lobby with players over a database in memory.
func open(ctx context.Context) (*Lobby, error) {
	players, err := store.NewRepository[Player, string](memstore.Open(nil), "players", nil)
	if err != nil {
		return nil, err
	}
	for i, name := range []string{"Ann", "Ben", "Cleo"} {
		if err := players.Insert(ctx, &Player{Name: name, Rating: 1500 - int64(i)*100, Waiting: true}); err != nil {
			return nil, err
		}
	}
	return &Lobby{players: Players{players}, changed: make(chan struct{})}, nil
}

// serve runs the lobby and its pages until ctx ends.
func serve(ctx context.Context, address string) error {
	lobby, err := open(ctx)
	if err != nil {
		return err
	}
	server := &http.Server{Addr: address, Handler: lobby.Handler(), ReadHeaderTimeout: 5 * time.Second}
	defer context.AfterFunc(ctx, func() { _ = server.Close() })()
	ended := make(chan error, 1)
	go func() { ended <- lobby.Run(ctx) }()
	fmt.Printf("http://%s\n", address)
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	if err := <-ended; !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

func main() {
	address := flag.String("http", "localhost:8080", "where to serve the page")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := serve(ctx, *address); err != nil {
		log.Fatal(err)
	}
}

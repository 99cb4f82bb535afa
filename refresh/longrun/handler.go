package longrun

import (
	"bytes"
	"context"
	"crypto/rand"
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/stillframe/stillframe/refresh"
	"github.com/stillframe/stillframe/store"
)

// HandlerOptions configure a [Handler].
type HandlerOptions struct {
	// Write lets who sees the page pause, resume, cancel, retry and force operations. The handler asks nobody who he
	// is: put it behind what does. Defaults to false.
	Write bool
	// Who names the one who asks for something, for By.Who. Defaults to nobody.
	Who func(r *http.Request) string
	// States shows the states of the operations, which may hold what not everybody is to see. Defaults to false.
	States bool
	// Notes gives lines that the page shows below an operation: edit.Journal.Notes those of a planned edit. It is
	// called for each operation of a page, whenever one of them has changed. Defaults to none.
	Notes func(ctx context.Context, s Status) ([]string, error)
	// Logger is told of errors that a page does not show. Defaults to no logging.
	Logger *slog.Logger
}

// Handler is a page that lists the operations of a database with their progress, and changes as they do. It can be read
// without a script, and nothing of it comes from elsewhere. It serves the paths "/", "/events" and "/act" and uses
// relative links, so that it can stand under a prefix that ends in a slash:
//
//	http.Handle("/operations/", http.StripPrefix("/operations", handler))
func Handler(db *store.DB, o *HandlerOptions) (http.Handler, error) {
	operations, err := Open(db)
	if err != nil {
		return nil, err
	}
	p := &pages{operations: operations}
	if o != nil {
		p.options = *o
	}
	if p.options.Logger == nil {
		p.options.Logger = slog.New(slog.DiscardHandler)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", p.page)
	mux.HandleFunc("GET /events", p.events)
	if p.options.Write {
		mux.HandleFunc("POST /act", p.act)
	}
	return http.NewCrossOriginProtection().Handler(mux), nil
}

// pages serves the page.
type pages struct {
	operations *Operations
	options    HandlerOptions
}

//go:embed page.html
var pageHTML string

var views = template.Must(template.New("").Funcs(template.FuncMap{
	"time": func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") },
	"took": func(a Attempt) string {
		if a.Ended.IsZero() {
			return ""
		}
		return a.Ended.Sub(a.Began).Round(time.Millisecond).String()
	},
	"actions": actions,
}).Parse(pageHTML))

// actions are what can be asked of an operation.
func actions(s Status) []string {
	switch s.Phase {
	case Waiting:
		return []string{"pause", "cancel", "force"}
	case Running:
		return []string{"pause", "cancel", "force"}
	case Paused:
		return []string{"resume", "cancel"}
	case Failed, Cancelled:
		return []string{"retry"}
	}
	return nil
}

// view is what the page shows.
type view struct {
	Items  []Status
	Next   string // the query of the next page
	Kind   string
	Phase  string
	Phases []Phase
	Write  bool
	States bool
	Query  string
	Nonce  string
	Notes  map[string][]string // by kind/id
}

// pageLength is how many operations a page shows.
const pageLength = 50

// filterOf reads what a request selects.
func filterOf(r *http.Request) Filter {
	q := r.URL.Query()
	f := Filter{Kind: q.Get("kind"), Limit: pageLength, Cursor: q.Get("from")}
	if phase := Phase(q.Get("phase")); phase != "" {
		f.Phases = []Phase{phase}
	}
	return f
}

// viewOf is what a page, or an event, shows of these operations.
func (p *pages) viewOf(r *http.Request, items []Status, next string) view {
	v := view{
		Items: items, Kind: r.URL.Query().Get("kind"), Phase: r.URL.Query().Get("phase"),
		Phases: []Phase{Waiting, Running, Paused, Done, Failed, Cancelled},
		Write:  p.options.Write, States: p.options.States, Query: r.URL.RawQuery, Nonce: rand.Text(),
	}
	if p.options.Notes != nil {
		v.Notes = map[string][]string{}
		for i := range items {
			notes, err := p.options.Notes(r.Context(), items[i])
			if err != nil && r.Context().Err() == nil {
				p.options.Logger.Error("notes are missing", "kind", items[i].Kind, "id", items[i].ID, "error", err)
			}
			v.Notes[items[i].Kind+"/"+items[i].ID] = notes
		}
	}
	if next != "" {
		v.Next = "?" + url.Values{"kind": {v.Kind}, "phase": {v.Phase}, "from": {next}}.Encode()
	}
	return v
}

// page answers with the operations as they are now.
func (p *pages) page(w http.ResponseWriter, r *http.Request) {
	items, next, err := p.operations.List(r.Context(), filterOf(r))
	if err != nil {
		p.fail(w, r, err)
		return
	}
	v := p.viewOf(r, items, next)
	var b bytes.Buffer
	if err := views.ExecuteTemplate(&b, "page", v); err != nil {
		p.fail(w, r, err)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", fmt.Sprintf("default-src 'none'; style-src 'nonce-%s'; script-src 'nonce-%s'; "+
		"connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'", v.Nonce, v.Nonce))
	_, _ = w.Write(b.Bytes())
}

// Bounds of the events of one browser.
const (
	writeLimit = 10 * time.Second // a browser that takes none for so long is given up
	keepAlive  = 20 * time.Second
)

// events sends the list whenever it changes.
func (p *pages) events(w http.ResponseWriter, r *http.Request) {
	f := filterOf(r)
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no")
	out := http.NewResponseController(w)
	send := func(text string) error {
		err := out.SetWriteDeadline(time.Now().Add(writeLimit))
		if err != nil && !errors.Is(err, http.ErrNotSupported) {
			return err
		}
		if _, err := fmt.Fprint(w, text); err != nil {
			return err
		}
		return out.Flush()
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	lists := make(chan string)
	go func() {
		defer close(lists)
		for page, err := range refresh.Follow(ctx, p.operations.rows, f.query(), nil) {
			if err != nil {
				if ctx.Err() == nil {
					p.options.Logger.Error("events have ended", "error", err)
				}
				return
			}
			var items []Status
			for i := range page.Items {
				items = append(items, page.Items[i].status())
			}
			var b bytes.Buffer
			if err := views.ExecuteTemplate(&b, "list", p.viewOf(r, items, "")); err != nil {
				p.options.Logger.Error("events have ended", "error", err)
				return
			}
			select {
			case lists <- "data: " + strings.ReplaceAll(strings.TrimSpace(b.String()), "\n", "\ndata: ") + "\n\n":
			case <-ctx.Done():
				return
			}
		}
	}()
	timer := time.NewTicker(keepAlive)
	defer timer.Stop()
	for {
		var text string
		select {
		case list, ok := <-lists:
			if !ok {
				return
			}
			text = list
		case <-timer.C:
			text = ": still here\n\n"
		}
		if send(text) != nil {
			break
		}
	}
	cancel()
	for range lists { // until the Follow has ended
	}
}

// act does what a button asks for.
func (p *pages) act(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 16<<10)
	if err := r.ParseForm(); err != nil {
		http.Error(w, "the form cannot be read", http.StatusBadRequest)
		return
	}
	asks := map[string]func(context.Context, string, string, By) error{
		"pause": p.operations.Pause, "resume": p.operations.Resume, "cancel": p.operations.Cancel,
		"retry": p.operations.Retry, "force": p.operations.Force,
	}
	ask, ok := asks[r.PostForm.Get("do")]
	if !ok {
		http.Error(w, "nobody knows how to do that", http.StatusBadRequest)
		return
	}
	by := By{Why: r.PostForm.Get("why")}
	if p.options.Who != nil {
		by.Who = p.options.Who(r)
	}
	if err := ask(r.Context(), r.PostForm.Get("kind"), r.PostForm.Get("id"), by); err != nil {
		p.fail(w, r, err)
		return
	}
	target := "./"
	if back := r.PostForm.Get("back"); back != "" {
		target += "?" + back
	}
	w.Header().Set("Location", target) // relative, since the prefix is not known here
	w.WriteHeader(http.StatusSeeOther)
}

// fail answers with what went wrong, as far as a user can do something about it.
func (p *pages) fail(w http.ResponseWriter, r *http.Request, err error) {
	var phase *PhaseError
	switch {
	case errors.As(err, &phase):
		http.Error(w, phase.Error(), http.StatusConflict)
	case errors.Is(err, store.ErrNotFound):
		http.NotFound(w, r)
	case errors.Is(err, store.ErrInvalid):
		http.Error(w, "the request is invalid", http.StatusBadRequest)
	default:
		p.options.Logger.Error("a page could not be answered", "path", r.URL.Path, "error", err)
		http.Error(w, "the database is not available", http.StatusServiceUnavailable)
	}
}

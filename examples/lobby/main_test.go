package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/refresh"
)

// Example follows the lobby as a page does.
func Example() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	lobby, err := open(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	steps := []func() error{
		func() error {
			_, err := lobby.players.Modify(ctx, "Cleo", func(p *Player) error { p.Rating += 250; return nil })
			return err
		},
		func() error { return lobby.players.DeleteKey(ctx, "Ben") },
		func() error { return lobby.players.Insert(ctx, &Player{Name: "Dora", Rating: 1, Waiting: true}) },
	}
	for page, err := range refresh.Follow(ctx, lobby.players, inLobby, nil) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(names(page), "entered", page.Entered, "changed", page.Changed, "left", page.Left)
		if len(steps) == 0 {
			return
		}
		if err := steps[0](); err != nil {
			fmt.Println(err)
			return
		}
		steps = steps[1:]
	}
	// Output:
	// Ann, Ben, Cleo entered [Ann Ben Cleo] changed [] left []
	// Cleo, Ann, Ben entered [] changed [Cleo] left []
	// Cleo, Ann entered [] changed [] left [Ben]
	// Cleo, Ann, Dora entered [Dora] changed [] left []
}

func names(page Page) string {
	var all []string
	for _, p := range page.Items {
		all = append(all, p.Name)
	}
	return strings.Join(all, ", ")
}

// start runs a lobby and a server for it.
func start(t *testing.T) (*Lobby, *httptest.Server) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	lobby, err := open(ctx)
	require.NoError(t, err)
	ended := make(chan error)
	go func() { ended <- lobby.Run(ctx) }()
	server := httptest.NewServer(lobby.Handler())
	t.Cleanup(func() {
		cancel()
		require.ErrorIs(t, <-ended, context.Canceled)
		server.CloseClientConnections()
		server.Close()
	})
	for table, changed := lobby.look(); table == ""; table, _ = lobby.look() {
		<-changed
	}
	return lobby, server
}

// TestEvents has a player come and go by the forms, and the events tell of both.
func TestEvents(t *testing.T) {
	_, server := start(t)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/events", http.NoBody)
	require.NoError(t, err)
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	lines := bufio.NewScanner(response.Body)
	next := func() (event string) {
		for lines.Scan() && lines.Text() != "" {
			event += strings.TrimPrefix(lines.Text(), "data: ") + "\n"
		}
		return event
	}
	post := func(path, name string) int {
		answer, err := http.PostForm(server.URL+path, url.Values{"name": {name}})
		require.NoError(t, err)
		defer func() { _ = answer.Body.Close() }()
		return answer.StatusCode
	}
	assert.NotContains(t, next(), "Dora")
	assert.Equal(t, http.StatusOK, post("/join", "Dora"))
	assert.Contains(t, next(), "<td>Dora</td><td>1000</td>")
	assert.Equal(t, http.StatusOK, post("/join", "<b>Eve"))
	assert.Contains(t, next(), "<td>&lt;b&gt;Eve</td>")
	assert.Equal(t, http.StatusOK, post("/leave", "Dora"))
	assert.NotContains(t, next(), "Dora")
	assert.Equal(t, http.StatusBadRequest, post("/join", strings.Repeat("x", 31)))
	assert.Equal(t, http.StatusNotFound, post("/leave", "Nobody"))
}

// screenshot is where TestInABrowser leaves its picture.
var screenshot = flag.String("screenshot", "", "the file for a picture of the page, from TestInABrowser")

// waiting is the page with something in it that keeps the browser from taking it for loaded until Dora is seen on it.
func waiting(inner http.Handler) http.Handler {
	seen := make(chan struct{}, 1)
	mux := http.NewServeMux()
	mux.Handle("/", inner)
	mux.HandleFunc("/{$}", func(w http.ResponseWriter, r *http.Request) {
		inner.ServeHTTP(w, r)
		_, _ = io.WriteString(w, `<img src="/wait" alt=""><script>
			const lobby = document.getElementById("lobby");
			new MutationObserver(() => { if (lobby.textContent.includes("Dora")) fetch("/seen") })
				.observe(lobby, {childList: true});
			</script>`)
	})
	mux.HandleFunc("/seen", func(http.ResponseWriter, *http.Request) { seen <- struct{}{} })
	mux.HandleFunc("/wait", func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-seen:
		case <-r.Context().Done():
		}
	})
	return mux
}

// TestInABrowser looks at the page in a real browser: a player who comes after it was loaded is in it.
func TestInABrowser(t *testing.T) {
	browser := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			browser = path
			break
		}
	}
	if browser == "" {
		t.Skip("there is no Chromium")
	}
	lobby, _ := start(t)
	lobby.onListen = func() {
		_, err := lobby.players.Upsert(t.Context(), "Dora", func(p *Player, _ bool) error {
			p.Rating, p.Waiting = p.Rating+1700, true
			return nil
		})
		assert.NoError(t, err)
	}
	server := httptest.NewServer(waiting(lobby.Handler()))
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	run := func(arguments ...string) string {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		command := exec.CommandContext(ctx, browser, append([]string{
			"--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
			"--disable-component-update", "--disable-sync", "--user-data-dir=" + t.TempDir(),
		}, append(arguments, server.URL)...)...)
		out, err := command.Output()
		require.NoError(t, err)
		return string(out)
	}
	page := run("--dump-dom")
	assert.Regexp(t, regexp.MustCompile(`(?s)<td>Dora</td><td>1700</td>.*<td>Ann</td>.*<td>Ben</td>.*<td>Cleo</td>`), page)
	if *screenshot != "" {
		run("--window-size=640,480", "--screenshot="+*screenshot)
		_, err := os.Stat(*screenshot)
		require.NoError(t, err)
	}
}

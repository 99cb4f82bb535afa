package longrun_test

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/refresh/longrun"
	"github.com/stillframe/stillframe/store/memstore"
)

// serve serves the page of a database under a prefix.
func serve(t *testing.T, k *longrun.Kind[camp], o *longrun.HandlerOptions) (base string) {
	t.Helper()
	handler, err := longrun.Handler(k.DB(), o)
	require.NoError(t, err)
	mux := http.NewServeMux()
	mux.Handle("/operations/", http.StripPrefix("/operations", handler))
	server := httptest.NewServer(mux)
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	return server.URL + "/operations/"
}

func get(t *testing.T, address string) (int, string) {
	t.Helper()
	answer, err := http.Get(address)
	require.NoError(t, err)
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return answer.StatusCode, string(text)
}

// post sends a form, with headers by name and value, and follows where the answer leads.
func post(t *testing.T, address string, form url.Values, header ...string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader(form.Encode()))
	require.NoError(t, err)
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i+1 < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	answer, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return answer.StatusCode, string(text)
}

func TestHandler(t *testing.T) {
	k := kindOf(t, nil, longrun.Options{}, train)
	by := &longrun.StartOptions{By: longrun.By{Who: "anna"}}
	require.NoError(t, k.Start(t.Context(), "<7>", camp{Goal: 271828}, by))
	base := serve(t, k, nil)
	code, page := get(t, base)
	assert.Equal(t, http.StatusOK, code)
	assert.Contains(t, page, "<strong>training</strong> &lt;7&gt;")
	assert.Contains(t, page, "anna")
	assert.NotContains(t, page, "271828", "the state is not shown")
	assert.NotContains(t, page, "<button", "nothing can be asked")
	code, _ = post(t, base+"act", url.Values{"do": {"pause"}, "kind": {"training"}, "id": {"<7>"}})
	assert.NotEqual(t, http.StatusOK, code)
	_, page = get(t, base+"?phase=paused")
	assert.Contains(t, page, "No operations.")
	code, _ = get(t, base+"?from=nonsense")
	assert.Equal(t, http.StatusBadRequest, code)

	base = serve(t, k, &longrun.HandlerOptions{
		Write: true, States: true, Who: func(*http.Request) string { return "ben" },
	})
	_, page = get(t, base)
	assert.Contains(t, page, "271828")
	form := url.Values{"do": {"pause"}, "kind": {"training"}, "id": {"<7>"}, "why": {"rain"}, "back": {"phase=paused"}}
	code, page = post(t, base+"act", form)
	assert.Equal(t, http.StatusOK, code)
	assert.Contains(t, page, `aria-current="page">paused`)
	assert.Contains(t, page, "rain")
	s, _, err := k.Status(t.Context(), "<7>")
	require.NoError(t, err)
	assert.Equal(t, longrun.Paused, s.Phase)
	assert.Equal(t, longrun.By{Who: "ben", Why: "rain"}, s.By)

	form.Set("do", "retry")
	code, page = post(t, base+"act", form)
	assert.Equal(t, http.StatusConflict, code)
	assert.Contains(t, page, `retry training "<7>": it is paused`)
	form.Set("do", "drop")
	code, _ = post(t, base+"act", form)
	assert.Equal(t, http.StatusBadRequest, code)
	form.Set("do", "resume")
	code, _ = post(t, base+"act", form, "Origin", "https://elsewhere.example", "Sec-Fetch-Site", "cross-site")
	assert.Equal(t, http.StatusForbidden, code, "a page of another site has sent it")
}

// TestEvents has the list come as it changes.
func TestEvents(t *testing.T) {
	k := kindOf(t, nil, longrun.Options{}, train)
	base := serve(t, k, nil)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+"events?phase=paused", http.NoBody)
	require.NoError(t, err)
	answer, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer func() { _ = answer.Body.Close() }()
	assert.Equal(t, "text/event-stream", answer.Header.Get("Content-Type"))
	lines := bufio.NewScanner(answer.Body)
	next := func() (event string) {
		for lines.Scan() && lines.Text() != "" {
			event += lines.Text()
		}
		return event
	}
	assert.Contains(t, next(), "No operations.")
	require.NoError(t, k.Start(t.Context(), "7", camp{}, nil))
	require.NoError(t, k.Pause(t.Context(), "7", longrun.By{Why: "rain"}))
	assert.Contains(t, next(), "rain")
	require.NoError(t, k.Resume(t.Context(), "7", longrun.By{}))
	assert.Contains(t, next(), "No operations.")
}

// pictures is where TestInABrowser leaves what the page looks like.
var pictures = flag.String("pictures", "", "the folder for pictures of the page, from TestInABrowser")

// TestInABrowser looks at the page in a real browser, which sees an operation that is paused after it was loaded.
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
	db := memstore.Open(nil)
	waits := make(chan struct{})
	k := kindOf(t, db, longrun.Options{Attempts: 1}, func(ctx context.Context, step *longrun.Step[camp]) error {
		switch step.ID() {
		case "runs":
			step.Progress(17, 40, "session 17 of 40")
			if err := step.Save(ctx); err != nil {
				return err
			}
			close(waits)
			<-ctx.Done()
		case "fails":
			return errors.New("the pitch is under water")
		}
		return ctx.Err()
	})
	require.NoError(t, k.Start(t.Context(), "fails", camp{}, &longrun.StartOptions{By: longrun.By{Who: "anna"}}))
	require.NoError(t, k.Start(t.Context(), "runs", camp{Goal: 40}, &longrun.StartOptions{By: longrun.By{Who: "ben"}}))
	require.NoError(t, k.Start(t.Context(), "is done", camp{}, nil))
	require.NoError(t, k.Start(t.Context(), "waits", camp{}, &longrun.StartOptions{Due: time.Now().Add(time.Hour)}))
	work(t, k)
	<-waits
	done(t, k, "is done")
	done(t, k, "fails")

	handler, err := longrun.Handler(db, &longrun.HandlerOptions{Write: true})
	require.NoError(t, err)
	seen := make(chan struct{}, 1)
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/events" {
			assert.NoError(t, k.Pause(t.Context(), "waits", longrun.By{Who: "cleo", Why: "rain"}))
		}
		if r.URL.Path != "/" {
			handler.ServeHTTP(w, r)
			return
		}
		inner := httptest.NewRecorder()
		handler.ServeHTTP(inner, r)
		// What keeps the browser from taking the page for loaded until it has seen the pause.
		_, _ = io.WriteString(w, inner.Body.String()+`<img src="/wait" alt=""><script>
			new MutationObserver(() => { if (list.textContent.includes("rain")) fetch("/seen") })
				.observe(list, {childList: true});</script>`)
	})
	mux.HandleFunc("/seen", func(http.ResponseWriter, *http.Request) { seen <- struct{}{} })
	mux.HandleFunc("/wait", func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-seen:
		case <-r.Context().Done():
		}
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	defer server.CloseClientConnections()
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
	assert.Contains(t, page, "session 17 of 40")
	assert.Contains(t, page, "the pitch is under water")
	assert.Contains(t, page, "cleo")
	if *pictures != "" {
		for name, size := range map[string]string{"wide": "1280,760", "narrow": "500,1300"} {
			require.NoError(t, k.Resume(t.Context(), "waits", longrun.By{}))
			run("--window-size="+size, "--screenshot="+filepath.Join(*pictures, name+".png"))
		}
	}
}

package recipes

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/memstore"
)

// newClubs opens an embedded database with two clubs.
func newClubs(t *testing.T, o *memstore.Options) (*store.DB, Clubs) {
	t.Helper()
	db := memstore.Open(o)
	clubs := Clubs{store.MustRepository[Club, int64](db, "clubs", nil)}
	require.NoError(t, clubs.InsertMany(t.Context(), []*Club{
		{ID: 7, Name: "Leicester City", Balance: 500}, {ID: 9, Name: "Stoke City"},
	}))
	return db, clubs
}

func TestHandler(t *testing.T) {
	t.Parallel()
	var fault error
	_, clubs := newClubs(t, &memstore.Options{Fault: func(_ context.Context, c memstore.Call) error {
		if c.Op == "update" {
			return fault
		}
		return nil
	}})
	h := Handler{clubs}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /clubs/{id}", h.Get)
	mux.HandleFunc("PUT /clubs/{id}", h.Put)
	mux.HandleFunc("POST /clubs/{id}", h.Post)
	ask := func(method, path, ifMatch, body string) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
		if ifMatch != "" {
			r.Header.Set("If-Match", ifMatch)
		}
		if method == http.MethodPost {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		return w
	}
	form := func(version, name string) string { return url.Values{"version": {version}, "name": {name}}.Encode() }

	w := ask("GET", "/clubs/7", "", "")
	assert.Equal(t, http.StatusOK, w.Code)
	assert.Equal(t, `"1"`, w.Header().Get("ETag"))
	assert.JSONEq(t, `{"id": 7, "name": "Leicester City", "balance": 500}`, w.Body.String())

	w = ask("PUT", "/clubs/7", `"1"`, `{"name": "Leicester"}`)
	assert.Equal(t, http.StatusNoContent, w.Code)
	assert.Equal(t, `"2"`, w.Header().Get("ETag"))
	w = ask("PUT", "/clubs/7", `"1"`, `{"name": "The Foxes"}`)
	assert.Equal(t, http.StatusConflict, w.Code)
	assert.JSONEq(t, `{"yours": 1, "stored": 2}`, w.Body.String())
	w = ask("POST", "/clubs/7", "", form("1", "The Foxes"))
	assert.Equal(t, http.StatusConflict, w.Code)
	assert.JSONEq(t, `{"yours": 1, "stored": 2}`, w.Body.String())
	assert.Equal(t, http.StatusNoContent, ask("POST", "/clubs/7", "", form("2", "The Foxes")).Code)

	assert.Equal(t, http.StatusPreconditionRequired, ask("PUT", "/clubs/7", "", `{"name": "x"}`).Code)
	assert.Equal(t, http.StatusBadRequest, ask("POST", "/clubs/7", "", form("", "x")).Code)
	assert.Equal(t, http.StatusBadRequest, ask("PUT", "/clubs/7", `"3"`, `{`).Code)
	assert.Equal(t, http.StatusNotFound, ask("GET", "/clubs/8", "", "").Code)
	assert.Equal(t, http.StatusNotFound, ask("GET", "/clubs/x", "", "").Code)
	assert.Equal(t, http.StatusNotFound, ask("PUT", "/clubs/8", `"3"`, `{"name": "x"}`).Code)
	assert.Equal(t, http.StatusConflict, ask("PUT", "/clubs/7", `"3"`, `{"name": "Stoke City"}`).Code)
	long := ask("PUT", "/clubs/7", `"3"`, `{"name": "`+strings.Repeat("x", 61)+`"}`)
	assert.Equal(t, http.StatusUnprocessableEntity, long.Code)
	assert.Contains(t, long.Body.String(), "Name: text is longer than 60 characters")
	for want, err := range map[string]error{
		"may have happened": memstore.ErrLostBefore, "nothing happened": memstore.ErrUnavailable,
	} {
		fault = err
		w = ask("PUT", "/clubs/7", `"3"`, `{"name": "x"}`)
		assert.Equal(t, http.StatusServiceUnavailable, w.Code)
		assert.Contains(t, w.Body.String(), want)
	}
}

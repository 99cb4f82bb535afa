package recipes

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/stillframe/stillframe/store"
)

// Handler serves clubs over HTTP. The version that a client has seen travels with it, in the ETag of a JSON API or in
// a hidden field of a form, and comes back with its edit.
type Handler struct {
	Clubs Clubs
}

// Get answers with a club, and with its version as the ETag.
func (h Handler) Get(w http.ResponseWriter, r *http.Request) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil {
		http.NotFound(w, r)
		return
	}
	club, err := h.Clubs.Get(r.Context(), id)
	if err != nil {
		fail(w, err)
		return
	}
	w.Header().Set("ETag", fmt.Sprintf(`"%d"`, club.Version))
	reply(w, http.StatusOK, map[string]any{"id": club.ID, "name": club.Name, "balance": club.Balance})
}

// Put stores an edit of the state that the client saw. It wants that state's ETag as If-Match.
func (h Handler) Put(w http.ResponseWriter, r *http.Request) {
	var version int64
	if _, err := fmt.Sscanf(r.Header.Get("If-Match"), `"%d"`, &version); err != nil {
		http.Error(w, "If-Match: send the ETag that you were given", http.StatusPreconditionRequired)
		return
	}
	var edit struct{ Name string }
	if err := json.NewDecoder(r.Body).Decode(&edit); err != nil {
		http.Error(w, "this is not JSON", http.StatusBadRequest)
		return
	}
	h.rename(w, r, version, edit.Name)
}

// Post does the same for a form, in which <input type="hidden" name="version" value="{{.Version}}"> stands.
func (h Handler) Post(w http.ResponseWriter, r *http.Request) {
	version, err := strconv.ParseInt(r.FormValue("version"), 10, 64)
	if err != nil {
		http.Error(w, "the form has no version", http.StatusBadRequest)
		return
	}
	h.rename(w, r, version, r.FormValue("name"))
}

// rename stores a new name if the stored version is still the one that the client saw.
func (h Handler) rename(w http.ResponseWriter, r *http.Request, seen int64, name string) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil {
		http.NotFound(w, r)
		return
	}
	club, err := h.Clubs.Get(r.Context(), id)
	if err != nil {
		fail(w, err)
		return
	}
	club.Version = seen // Save compares this one with the stored one
	club.Name = name
	if err := h.Clubs.Save(r.Context(), &club); err != nil {
		fail(w, err)
		return
	}
	w.Header().Set("ETag", fmt.Sprintf(`"%d"`, club.Version))
	w.WriteHeader(http.StatusNoContent)
}

// fail gives each outcome its status. No error text of package store holds a field value.
func fail(w http.ResponseWriter, err error) {
	conflict, isConflict := errors.AsType[*store.ConflictError](err)
	switch {
	case isConflict:
		reply(w, http.StatusConflict, map[string]any{"yours": conflict.Expected, "stored": conflict.Actual})
	case errors.Is(err, store.ErrNotFound):
		reply(w, http.StatusNotFound, map[string]any{"error": "it does not exist, or not any more"})
	case errors.Is(err, store.ErrExists):
		reply(w, http.StatusConflict, map[string]any{"error": "another has this name"})
	case errors.Is(err, store.ErrInvalid):
		reply(w, http.StatusUnprocessableEntity, map[string]any{"error": err.Error()})
	case store.MayHaveHappened(err):
		reply(w, http.StatusServiceUnavailable, map[string]any{"error": "it may have happened: look again"})
	case errors.Is(err, store.ErrTransient):
		reply(w, http.StatusServiceUnavailable, map[string]any{"error": "nothing happened: try again"})
	default:
		reply(w, http.StatusInternalServerError, map[string]any{"error": "something failed"})
	}
}

func reply(w http.ResponseWriter, status int, body map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // a client that is gone needs no answer
}

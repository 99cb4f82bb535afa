package recipes

import (
	"net/http"
	"strconv"

	"github.com/stillframe/stillframe/store"
)

// Lists serves lists of clubs over HTTP, page by page.
type Lists struct {
	Clubs *store.Repository[Club, int64]
}

// Rich answers with the clubs that have at least some balance, the richest first, and with the token of the next page.
func (l Lists) Rich(w http.ResponseWriter, r *http.Request) {
	least, err := strconv.ParseInt(r.FormValue("least"), 10, 64)
	if err != nil {
		reply(w, http.StatusUnprocessableEntity, map[string]any{"error": "least is no number"})
		return
	}
	q := store.Where("Balance", store.Ge, least).OrderByDesc("Balance").Limit(50)
	clubs, next, err := l.Clubs.Page(r.Context(), q.From(r.FormValue("after")))
	if err != nil {
		fail(w, err) // another list's token, or a changed one, is ErrInvalid
		return
	}
	reply(w, http.StatusOK, map[string]any{"clubs": clubs, "next": next})
}

package recipes

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestLists(t *testing.T) {
	t.Parallel()
	_, clubs := newClubs(t, nil)
	for id := range int64(120) {
		club := Club{ID: 100 + id, Name: fmt.Sprint("Club ", id), Balance: id % 7}
		require.NoError(t, clubs.Insert(t.Context(), &club))
	}
	ask := func(least, after string) (code int, ids []int64, next string) {
		query := url.Values{"least": {least}, "after": {after}}.Encode()
		w := httptest.NewRecorder()
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/clubs?"+query, nil)
		Lists{clubs.Repository}.Rich(w, r)
		var answer struct {
			Clubs []Club `json:"clubs"`
			Next  string `json:"next"`
		}
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &answer))
		for _, c := range answer.Clubs {
			ids = append(ids, c.ID)
		}
		return w.Code, ids, answer.Next
	}
	seen := map[int64]bool{}
	for after, pages := "", 0; ; pages++ {
		code, ids, next := ask("0", after)
		require.Equal(t, http.StatusOK, code)
		for _, id := range ids {
			assert.False(t, seen[id], "club %d comes twice", id)
			seen[id] = true
		}
		if next == "" {
			assert.Equal(t, 2, pages)
			break
		}
		code, _, _ = ask("1", next)
		assert.Equal(t, http.StatusUnprocessableEntity, code, "the token of another list")
		after = next
	}
	assert.Len(t, seen, 122)
	code, _, _ := ask("", "")
	assert.Equal(t, http.StatusUnprocessableEntity, code)
}

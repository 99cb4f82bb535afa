package storetest

import (
	"context"
	"strings"
	"sync"

	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/storetest/internal/intercept"
)

// spy counts the calls on the backend.
type spy struct {
	mu    sync.Mutex
	calls []string
}

// spied opens a handle whose calls on the backend are counted.
func (e *env) spied(o store.Options) (*store.DB, *spy) {
	s := &spy{}
	return e.behind(o, s.hook), s
}

// hook notes a call and makes it.
func (s *spy) hook(ctx context.Context, c *intercept.Call, next intercept.Next) error {
	s.mu.Lock()
	s.calls = append(s.calls, c.Op)
	s.mu.Unlock()
	return next(ctx)
}

// take returns the calls so far, as one text, and forgets them.
func (s *spy) take() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	calls := strings.Join(s.calls, " ")
	s.calls = nil
	return calls
}

// list is take with each call by itself.
func (s *spy) list() []string { return strings.Fields(s.take()) }

package keptcopy

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/stillframe/stillframe/refresh"
	"github.com/stillframe/stillframe/store"
)

type (
	club struct {
		store.Snapshot
		ID   int64 `store:"key"`
		Name string
	}
	// member has a version of its own.
	member struct {
		ID      string `store:"key"`
		Version int64  `store:"version"`
	}
	clubs struct {
		*store.Repository[club, int64]
	}
	server struct {
		clubs   clubs
		members *store.Repository[member, string]
		current club
		byID    map[int64]*club
		all     []club
		queue   chan member
		render  func() string
		shared  sync.Map
		newest  atomic.Pointer[club]
		name    string
		watched club
		looked  map[int64]club
	}
	view struct {
		clubs   clubs
		current club
	}
	entry struct{ c club }
	// request is there for one call alone.
	request struct {
		club    club
		members []member
	}
	page struct {
		Club    club
		Members []member
	}
)

var (
	current  club
	byID     = map[int64]club{}
	entries  []entry
	shared   sync.Map
	standard = club{Name: "new"}
	settings struct{ first *club }
	onChange []func() int64
)

// globals are package variables.
func globals(ctx context.Context, r clubs) (err error) {
	current, err = r.Get(ctx, 1) // want `a copy of club is kept in the package variable current`
	if err != nil {
		return err
	}
	c, err := r.Modify(ctx, 2, func(c *club) error { return nil })
	if err != nil {
		return err
	}
	byID[c.ID] = c                                            // want `kept in the package variable byID`
	entries = append(entries, entry{c: c})                    // want `kept in the package variable entries`
	shared.Store(c.ID, &c)                                    // want `kept in the package variable shared`
	settings.first = &c                                       // want `kept in the package variable settings`
	onChange = append(onChange, func() int64 { return c.ID }) // want `a function that holds a copy of club is kept`
	onChange[0] = func() int64 { return c.Version }           // want `a function that holds a copy of club`
	standard = club{Name: c.Name}
	return nil
}

// fields are those of a type that many calls share.
func (s *server) fields(ctx context.Context) (err error) {
	s.current, err = s.clubs.First(ctx, store.Query{}) // want `a copy of club is kept in server.current`
	if err != nil {
		return err
	}
	all, err := store.Collect(s.clubs.Find(ctx, store.Query{}))
	if err != nil {
		return err
	}
	s.all = all // want `kept in server.all`
	for i, c := range all {
		s.byID[c.ID] = &all[i] // want `kept in server.byID`
		s.byID[-1] = &c        // want `kept in server.byID`
		s.name = c.Name
	}
	for m, err := range s.members.Find(ctx, store.Query{}) {
		if err != nil {
			return err
		}
		s.queue <- m // want `a copy of member is kept in server.queue`
	}
	newest, err := refresh.Wait(ctx, s.clubs, 1, func(club) (bool, error) { return true, nil }, nil)
	if err != nil {
		return err
	}
	s.newest.Store(&newest)                         // want `kept in server.newest`
	s.shared.Store(newest.ID, newest)               // want `kept in server.shared`
	s.render = func() string { return newest.Name } // want `a function that holds a copy of club is kept in server.r`
	s.render = func() string { c := club{}; return c.Name }
	//stalecheck:ignore the copy is shown here
	s.current = newest
	return nil
}

// fine are copies that do not outlive the call.
func (s *server) fine(ctx context.Context, req *request) (*page, error) {
	c, err := s.clubs.Get(ctx, 1)
	if err != nil {
		return nil, err
	}
	req.club = c
	p := &page{Club: c}
	seen := map[int64]club{c.ID: c}
	p.Members, _, err = s.members.Page(ctx, store.Query{})
	req.members = p.Members
	names := make(chan club, 1)
	names <- seen[1]
	local := server{current: c}
	local.current = c
	other := &server{name: "other"}
	other.current = c
	standard = club{Name: "other"}
	return p, err
}

// byValue keeps nothing: v is its own.
func (v view) byValue(ctx context.Context) (err error) {
	v.current, err = v.clubs.Get(ctx, 1)
	return err
}

// follow keeps what it is told of.
func (s *server) follow(ctx context.Context) (err error) {
	for c, err := range refresh.Watch(ctx, s.clubs, 1, nil) {
		if err != nil {
			return err
		}
		s.watched = c
	}
	if s.watched, err = s.clubs.Get(ctx, 1); err != nil {
		return err
	}
	c, err := s.clubs.Get(ctx, 2)
	s.looked[c.ID] = c
	return err
}

// look looks whether what is kept is old.
func (s *server) look(ctx context.Context) error {
	for id := range s.looked {
		c := s.looked[id]
		if isOld, err := s.clubs.IsStale(ctx, c); err != nil || isOld {
			delete(s.looked, id)
		}
	}
	return s.clubs.Reload(ctx, &s.watched)
}

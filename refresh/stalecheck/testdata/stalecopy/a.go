package stalecopy

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/stillframe/stillframe/refresh"
	"github.com/stillframe/stillframe/store"
)

type club struct {
	store.Snapshot
	ID    int64 `store:"key"`
	Owner int64
	Name  string
}

type same struct {
	store.Snapshot
	ID int64 `store:"key"`
}

type shop struct {
	clubs  *store.Repository[club, int64]
	others *store.Repository[club, int64]
	owners *store.Repository[same, int64]
}

func show(club)           {}
func change(*club)        {}
func publish(club, error) {}

// again writes a copy once more that was refused.
func (s *shop) again(ctx context.Context, p club, q *club) error {
	if err := s.clubs.Save(ctx, &p); err != nil {
		log.Print(err)
		p.Name = "other"
		return s.clubs.Save(ctx, &p) // want `p is written again after its Save has failed`
	}
	if s.clubs.Save(ctx, q) != nil {
		_ = s.clubs.Delete(ctx, *q) // want `q is written again after its Save has failed`
	}
	err := s.clubs.Touch(ctx, &p)
	if errors.Is(err, store.ErrConflict) {
		err = s.clubs.Touch(ctx, &p) // want `p is written again after its Touch has failed`
	}
	return err
}

// loops try until it works, which it never does.
func (s *shop) loops(ctx context.Context, p club) error {
	for range 3 {
		err := s.clubs.Save(ctx, &p) // want `p is written again after its Save has failed`
		if err == nil {
			return nil
		}
		time.Sleep(time.Second)
	}
	c, err := s.clubs.Get(ctx, 1)
	if err != nil {
		return err
	}
	for {
		err := s.clubs.Save(ctx, &c) // want `c is written again`
		if err != nil && store.Retryable(err) {
			continue
		}
		return err
	}
}

// handOn goes on as if the write had happened.
func (s *shop) handOn(ctx context.Context, p, q club) (club, error) {
	if err := s.clubs.Save(ctx, &p); err != nil {
		log.Printf("save: %v", err)
	}
	show(p) // want `p is handed on here also where its Save has failed`
	if err := s.clubs.Touch(ctx, &q); err != nil {
		fmt.Println(err)
	}
	return q, nil // want `q is given back without an error also where its Touch has failed`
}

// wait has a newer copy, and writes the old one.
func (s *shop) wait(ctx context.Context, p, q club) error {
	isNewer := func(c club) (bool, error) { return c.Version > p.Version, nil }
	newer, err := refresh.Wait(ctx, s.clubs, p.ID, isNewer, nil)
	if err != nil {
		return err
	}
	p.Name = newer.Name
	if err := s.clubs.Save(ctx, &p); err != nil { // want `p is written after Wait has given a newer copy of it`
		return err
	}
	for c, err := range refresh.Watch(ctx, s.clubs, s.clubs.KeyOf(q), nil) {
		if err != nil {
			return err
		}
		q.Name = c.Name
		return s.clubs.Save(ctx, &q) // want `q is written after Watch has given a newer copy of it`
	}
	return nil
}

// right do what the library says, or what is not known to be wrong.
func (s *shop) right(ctx context.Context, p, q club, list []club) (club, error) {
	if err := s.clubs.Save(ctx, &p); err != nil {
		if !errors.Is(err, store.ErrConflict) {
			return p, err
		}
		if err := s.clubs.Reload(ctx, &p); err != nil {
			return p, err
		}
		if err := s.clubs.Save(ctx, &p); err != nil {
			return p, err
		}
	}
	if err := s.clubs.Save(ctx, &p); err != nil {
		p, err = s.clubs.Modify(ctx, p.ID, func(c *club) error { c.Name = "x"; return nil })
		if err != nil {
			return p, err
		}
	}
	err := s.clubs.Save(ctx, &p)
	if errors.Is(err, store.ErrTransient) || errors.Is(err, store.ErrUnknownOutcome) {
		err = s.clubs.Save(ctx, &p) // the same copy, on the same version
	}
	if err != nil {
		log.Print(err)
	}
	publish(p, err)
	if err == nil {
		show(p)
	}
	for _, c := range list {
		if err := s.clubs.Save(ctx, &c); err != nil {
			log.Print(err)
			continue
		}
		show(c)
	}
	for range 3 {
		c, err := s.clubs.Get(ctx, 1)
		if err != nil {
			return c, err
		}
		if err = s.clubs.Save(ctx, &c); err == nil {
			break
		}
	}
	if err := s.clubs.Save(ctx, &q); err != nil {
		change(&q)
	}
	show(q)
	status := 200
	if err := s.clubs.Save(ctx, &q); err != nil {
		log.Print(err, q)
		os.Exit(status)
	}
	if err := s.clubs.Save(ctx, &q); err != nil {
		panic("not saved")
	}
	show(q)
	if err := s.clubs.Save(ctx, &q); err != nil {
		show(q) // that it was not saved
		return q, err
	}
	_ = s.clubs.Save(ctx, &q)
	show(q)
	var all []error
	err = s.clubs.Save(ctx, &q)
	all = append(all, err)
	all = append(all, s.clubs.Touch(ctx, &q))
	show(q)
	if err := s.clubs.Save(ctx, &q); err != nil {
		status = 500
	}
	show(q)
	return q, errors.Join(all...)
}

// newer are copies that take what Wait has given.
func (s *shop) newer(ctx context.Context, p, q club) error {
	newer, err := refresh.Wait(ctx, s.clubs, p.ID, func(club) (bool, error) { return true, nil }, nil)
	if err != nil {
		return s.clubs.Save(ctx, &p) // nothing newer was given
	}
	p = newer
	if err := s.clubs.Save(ctx, &p); err != nil {
		return err
	}
	owner, err := refresh.Wait(ctx, s.others, p.Owner, func(club) (bool, error) { return true, nil }, nil)
	if err != nil {
		return err
	}
	p.Name = owner.Name
	other, err := refresh.Wait(ctx, s.owners, p.ID, func(same) (bool, error) { return true, nil }, nil)
	if err != nil || other.ID == 0 {
		return err
	}
	if err := s.clubs.Save(ctx, &p); err != nil {
		return err
	}
	newer, err = refresh.Wait(ctx, s.clubs, q.ID, func(club) (bool, error) { return true, nil }, nil)
	if err != nil {
		return err
	}
	q.Snapshot = newer.Snapshot
	return s.clubs.Save(ctx, &q)
}

// ignored is written again on purpose.
func (s *shop) ignored(ctx context.Context, p club) error {
	if err := s.clubs.Save(ctx, &p); err != nil {
		//stalecheck:ignore the mistake is shown here
		return s.clubs.Save(ctx, &p)
	}
	reload := func() error { return s.clubs.Reload(ctx, &p) }
	if err := s.clubs.Save(ctx, &p); err != nil {
		if err := reload(); err != nil {
			return err
		}
		return s.clubs.Save(ctx, &p)
	}
	return nil
}

package unknown

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/stillframe/stillframe/store"
)

type club struct {
	store.Snapshot
	ID     int64 `store:"key,auto"`
	Gold   int
	Badges []string
}

type shop struct {
	db    *store.DB
	clubs *store.Repository[club, int64]
}

// again does what may have happened once more.
func (s *shop) again(ctx context.Context, c club) error {
	err := s.clubs.Insert(ctx, &c)
	if errors.Is(err, store.ErrUnknownOutcome) {
		return s.clubs.Insert(context.Background(), &c) // want `Insert is done again, and may then have happened twice`
	}
	_, err = s.clubs.Modify(ctx, c.ID, func(c *club) error { c.Gold++; return nil })
	if errors.Is(err, store.ErrTransient) || store.MayHaveHappened(err) {
		_, err = s.clubs.Modify(ctx, c.ID, func(c *club) error { c.Gold++; return nil }) // want `Modify is done`
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, store.ErrUnknownOutcome):
		_, err = s.clubs.Modify(ctx, c.ID, func(c *club) error { // want `Modify is done again`
			c.Badges = append(c.Badges, "x")
			return nil
		})
	}
	return err
}

// loops do it until they get an answer.
func (s *shop) loops(ctx context.Context, c club) error {
	for {
		ctx, cancel := context.WithTimeout(ctx, time.Second)
		err := s.clubs.Insert(ctx, &c)
		cancel()
		if errors.Is(err, store.ErrUnknownOutcome) {
			log.Print(err)
			continue // want `Insert is done again`
		}
		if err != nil {
			return err
		}
		break
	}
	var err error
	for range 3 {
		if err = s.clubs.Insert(ctx, &c); err == nil { // want `Insert is done again`
			break
		}
		time.Sleep(time.Second)
	}
	for {
		err := s.db.Atomic(ctx, nil, func(ctx context.Context, tx *store.Tx) error { // want `Atomic is done again`
			_, err := s.clubs.In(tx).Modify(ctx, c.ID, func(c *club) error { c.Gold = c.Gold + 1; return nil })
			return err
		})
		if err != nil {
			fmt.Println(err)
			continue
		}
		return nil
	}
}

// given says of what may have happened that it has not, or has.
func (s *shop) given(ctx context.Context, c *club) (bool, error) {
	if err := s.clubs.Save(ctx, c); errors.Is(err, store.ErrUnknownOutcome) {
		return false, store.ErrTransient // want `given back as store.ErrTransient`
	} else if store.MayHaveHappened(err) {
		return false, fmt.Errorf("not saved: %w", store.ErrConflict) // want `given back as store.ErrConflict`
	} else if err != nil {
		return false, err
	}
	if err := s.clubs.Delete(ctx, *c); errors.Is(err, store.ErrUnknownOutcome) {
		log.Print(err)
		return true, nil // want `the outcome of Delete is not known, and given back as success`
	}
	return true, nil
}

// right are what the library says to do, and what is not known to be wrong.
func (s *shop) right(ctx context.Context, c club, all []club) error {
	err := s.clubs.Save(ctx, &c)
	if errors.Is(err, store.ErrUnknownOutcome) {
		err = s.clubs.Save(ctx, &c) // on the old version it proves that the first did not happen
	}
	_, err = s.clubs.Modify(ctx, c.ID, func(c *club) error { c.Gold = 10; return nil })
	if store.MayHaveHappened(err) {
		_, err = s.clubs.Modify(ctx, c.ID, func(c *club) error { c.Gold = 10; return nil })
	}
	err = s.clubs.Insert(ctx, &c)
	if errors.Is(err, store.ErrUnknownOutcome) {
		if err = s.clubs.Insert(ctx, &c); errors.Is(err, store.ErrExists) {
			return nil
		}
		return errors.Join(store.ErrTransient, err)
	}
	err = s.clubs.Insert(ctx, &c)
	if errors.Is(err, store.ErrUnknownOutcome) {
		return s.clubs.Insert(ctx, &all[0]) // another
	}
	for _, c := range all {
		if err := s.clubs.Insert(ctx, &c); err != nil {
			log.Print(err)
			continue
		}
		return nil
	}
	for range 3 {
		if err = s.clubs.Insert(ctx, &c); err == nil || !store.Retryable(err) {
			break
		}
	}
	for range 3 {
		if err = s.clubs.Insert(ctx, &c); err == nil {
			break
		}
		if !store.Retryable(err) {
			return err
		}
	}
	for i := range 3 {
		c := club{Gold: i}
		if err := s.clubs.Insert(ctx, &c); err == nil {
			break
		}
	}
	for range 3 {
		var c club
		if err := s.clubs.Insert(ctx, &c); err == nil {
			break
		}
	}
	for {
		if err := s.clubs.Insert(ctx, &c); err == nil {
			return nil
		}
		c.ID++
	}
}

// once is done once, however often it is called.
func (s *shop) once(ctx context.Context, c club) error {
	for range 3 {
		_, err := store.Once(ctx, s.db, "x", nil, func(ctx context.Context, tx *store.Tx) error {
			return s.clubs.In(tx).Insert(ctx, &c)
		})
		if err == nil {
			return nil
		}
	}
	err := s.clubs.Insert(ctx, &c)
	if errors.Is(err, store.ErrUnknownOutcome) {
		//stalecheck:ignore the mistake is shown here
		return s.clubs.Insert(ctx, &c)
	}
	return err
}

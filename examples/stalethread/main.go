// Command stalethread tells the story of a request that starts a thread, and then looks at the copy that it had read
// before: nothing in it has changed, whatever the thread has stored. It shows three ways that are right.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/stillframe/stillframe/refresh"
	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/memstore"
)

// User plays the game.
type User struct {
	store.Snapshot
	ID    int64 `db:"id" store:"key"`
	Level int64 `db:"level"`
}

// Users is the table of them.
type Users = store.Repository[User, int64]

// train is what the thread does: it reads a copy of its own, and stores the next level.
func train(ctx context.Context, users *Users, id int64) error {
	_, err := users.Modify(ctx, id, func(u *User) error { u.Level++; return nil })
	return err
}

// story is the request. Each way is told of a thread that has been started, and returns what it shows in the end.
func story(ctx context.Context, users *Users) error {
	user, err := users.Get(ctx, 7)
	if err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() { done <- train(ctx, users, user.ID) }()
	if err := <-done; err != nil {
		return err
	}
	fmt.Println("The thread has ended. The request still shows level", user.Level)

	stale, err := users.IsStale(ctx, user)
	if err != nil {
		return err
	}
	fmt.Println("Is its copy stale?", stale)
	user.Level += 10
	err = users.Save(ctx, &user)
	fmt.Println("Saving it:", err)
	if !errors.Is(err, store.ErrConflict) {
		return err
	}

	// One: reload the copy that one holds, once one knows that there is something to see.
	if err := users.Reload(ctx, &user); err != nil {
		return err
	}
	fmt.Println("Reloaded: level", user.Level)

	// Two: wait for the state, where one does not know when the thread gets there.
	go func() { done <- train(ctx, users, 7) }()
	trained, err := refresh.Wait(ctx, users, 7, func(u User) (bool, error) { return u.Level >= 3, nil }, nil)
	if err != nil {
		return err
	}
	fmt.Println("Waited for: level", trained.Level)
	if err := <-done; err != nil {
		return err
	}

	// Three: hold no copy at all across the thread, but change what is there now.
	changed, err := users.Modify(ctx, 7, func(u *User) error { u.Level += 10; return nil })
	fmt.Println("Modified: level", changed.Level, "version", changed.Version)
	return err
}

func main() {
	ctx := context.Background()
	db := memstore.Open(nil)
	defer func() { _ = db.Close() }()
	users := store.MustRepository[User, int64](db, "users", nil)
	err := users.Insert(ctx, &User{ID: 7, Level: 1})
	if err == nil {
		err = story(ctx, users)
	}
	if err != nil {
		log.Fatal(err)
	}
}

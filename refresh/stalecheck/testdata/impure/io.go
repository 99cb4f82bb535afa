package impure

import (
	"context"
	"database/sql"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/stillframe/stillframe/store"
)

type outside struct {
	client *http.Client
	sql    *sql.DB
	conn   *sql.Conn
	file   *os.File
	ready  chan int
	other  *store.Repository[state, int]
}

// deeds has what a second run does again.
func (o *outside) deeds(ctx context.Context, db *store.DB, repo *store.Repository[state, int]) error {
	_, err := repo.Modify(ctx, 1, func(s *state) error {
		_, err := http.Post("https://example.com", "", nil) // want `the function of Modify calls http.Post`
		if err != nil {
			return err
		}
		if _, err = o.client.Do(nil); err != nil { // want `calls http.Client.Do, which is not part of the Tx`
			return err
		}
		if _, err = o.client.Get(""); err != nil { // want `calls http.Client.Get: it holds its turn`
			return err
		}
		if _, err := o.other.Get(ctx, s.n); err != nil { // want `calls Get: it holds its turn, on which other calls`
			return err
		}
		if err := o.other.DeleteKey(ctx, 1); err != nil { // want `calls DeleteKey, which is not part of its write`
			return err
		}
		fmt.Println("tried")
		log.Print("tried")
		fmt.Fprintln(os.Stderr, o.other.Table())
		_, _ = os.Stderr.WriteString("tried")
		return os.WriteFile("x", nil, 0o600) // want `calls os.WriteFile`
	})
	if err != nil {
		return err
	}
	return db.Atomic(ctx, nil, func(ctx context.Context, tx *store.Tx) error {
		tx.OnCommit(func() {
			o.ready <- 1
			close(o.ready)
			_ = os.Remove("x")
		})
		if err := exec.CommandContext(ctx, "true").Run(); err != nil { // want `calls exec.Cmd.Run`
			return err
		}
		if _, err := o.sql.ExecContext(ctx, "DELETE"); err != nil { // want `calls sql.DB.ExecContext`
			return err
		}
		if _, err := o.conn.ExecContext(ctx, "DELETE"); err != nil { // want `calls sql.Conn.ExecContext`
			return err
		}
		_, _ = o.file.WriteString("x")    // want `calls os.File.WriteString`
		_, err := os.ReadFile("settings") // what is read a second run can read again
		if err != nil {
			return err
		}
		own := make(chan int, 1)
		own <- <-own
		close(own)
		select {
		case <-ctx.Done():
		case n := <-o.ready: // want `receives from a channel`
			_ = n
		}
		for range o.ready { // want `receives from a channel`
		}
		close(o.ready)          // want `closes a channel from outside`
		time.Sleep(time.Second) // want `the function of Atomic sleeps: it holds the connection and the locks of its Tx`
		_, err = repo.In(tx).Modify(ctx, 1, func(s *state) error {
			_, err := o.other.In(tx).Get(ctx, s.n)
			if err != nil {
				return err
			}
			time.Sleep(1)                           // want `the function of Modify sleeps: it holds the connection`
			return o.other.In(tx).DeleteKey(ctx, 1) // in the same Tx
		})
		return err
	})
}

// looks may be made in a View.
func (o *outside) looks(ctx context.Context, db *store.DB) error {
	var text strings.Builder
	defer func() { fmt.Print(text.String()) }()
	return db.View(ctx, nil, func(context.Context, *store.Tx) error {
		time.Sleep(1)                                // want `the function of View sleeps: it keeps the server from`
		if err := os.Mkdir("x", 0o700); err != nil { // want `calls os.Mkdir`
			return err
		}
		//stalecheck:ignore the folder is made where it is missing
		_ = os.MkdirAll("x", 0o700)
		_, err := o.client.Get("https://example.com")
		return err
	})
}

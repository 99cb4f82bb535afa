// Package fetched is the main function of the commands that put what tests need into .servers.
package fetched

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"time"
)

// limit bounds a command, so that a registry which does not answer cannot hold up a test run for ever.
const limit = 8 * time.Minute

// Print runs fetch, which reports whether it has got something that was not there, and prints one line: name is what
// STILLFRAME_REQUIRE calls it, and from where it comes. It returns whatever happens: the tests decide whether it must
// be there. An interrupt ends the ctx of fetch.
func Print(name, from string, fetch func(ctx context.Context) (isNew bool, err error)) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	began := time.Now()
	isNew, err := fetch(ctx)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		fmt.Printf("%s: not to be had here: no answer within %s\n", name, limit)
	case err != nil:
		fmt.Printf("%s: not to be had here: %s\n", name, strings.Join(strings.Fields(err.Error()), " "))
	case isNew:
		fmt.Printf("%s: %s, in %.1f s\n", name, from, time.Since(began).Seconds())
	default:
		fmt.Printf("%s: is there\n", name)
	}
}

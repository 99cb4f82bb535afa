package main

import (
	"context"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/internal/testbed"
)

func Example() {
	if err := run(context.Background(), "", "", "", false); err != nil {
		panic(err)
	}
	// Output:
	// The camp is started, with its player, in one transaction.
	// It is paused by anna: rain.
	// It is resumed, and its worker is stopped in the middle.
	// Another worker has gone on. The camp is done, and the player has trained 40 of 40 sessions.
}

// TestMain is also the main of the workers that TestProcesses begins.
func TestMain(m *testing.M) {
	if os.Getenv(childVariable) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// TestProcesses tells the story with processes, of which one is killed.
func TestProcesses(t *testing.T) {
	dsn := testbed.MariaDB(t).Database(t)
	require.NoError(t, run(t.Context(), dsn, "", "", false))
}

//go:build unix

package testbed

import (
	"bufio"
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// childVariable makes TestServerChild do its work: it is run by TestServerDiesWithTheTestBinary only.
const childVariable = "STILLFRAME_TESTBED_CHILD"

// TestServerChild starts a server, tells where it is, and waits to be killed.
func TestServerChild(t *testing.T) {
	if os.Getenv(childVariable) == "" {
		t.Skip("it is run by another test")
	}
	var s *Server
	switch os.Getenv(childVariable) {
	case "mariadb":
		s = MariaDB(t)
	case "mysql":
		s = MySQL(t)
	default:
		s = Mongo(t).nodes[0]
	}
	fmt.Printf("\nstarted %d %s\n", s.Pid(), s.folder)
	if os.Getenv("STILLFRAME_TESTBED_WAIT") != "" {
		<-t.Context().Done()
	}
}

// TestServerDiesWithTheTestBinary runs this test binary once more and ends it, by itself or by a kill that it
// cannot see: neither may leave the server or its folder behind.
func TestServerDiesWithTheTestBinary(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, kind string
		killed     bool
	}{
		{"Ends", "mariadb", false},
		{"KilledMariaDB", "mariadb", true},
		{"KilledMySQL", "mysql", true},
		{"KilledMongo", "mongo", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			pid, folder := runChild(t, test.kind, test.killed)
			ctx, cancel := context.WithTimeout(t.Context(), Patience)
			defer cancel()
			ticker := time.NewTicker(pollEvery)
			defer ticker.Stop()
			for {
				gone := syscall.Kill(pid, 0)
				_, err := os.Stat(folder)
				if gone != nil && err != nil {
					assert.ErrorIs(t, gone, syscall.ESRCH)
					assert.ErrorIs(t, err, fs.ErrNotExist)
					return
				}
				select {
				case <-ticker.C:
				case <-ctx.Done():
					t.Fatalf("process %d (%v) or folder %s (%v) is still there", pid, gone, folder, err)
				}
			}
		})
	}
}

// runChild runs TestServerChild until it ends and returns what it told about its server.
func runChild(t *testing.T, kind string, killed bool) (pid int, folder string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestServerChild$", "-test.v", "-test.count=1")
	// The child starts a server, whatever this run was told to use.
	cmd.Env = append(os.Environ(), childVariable+"="+kind, "STILLFRAME_MARIADB_DSN=", "STILLFRAME_MYSQL_DSN=",
		mongoVariable+"=")
	if killed {
		cmd.Env = append(cmd.Env, "STILLFRAME_TESTBED_WAIT=1")
	}
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	scanner := bufio.NewScanner(out)
	for scanner.Scan() {
		if text, ok := strings.CutPrefix(scanner.Text(), "started "); ok {
			number, path, _ := strings.Cut(text, " ")
			pid, err = strconv.Atoi(number)
			require.NoError(t, err)
			folder = path
			if killed {
				require.NoError(t, cmd.Process.Kill())
			}
		}
	}
	_ = cmd.Wait() // A killed child fails.
	if folder == "" {
		t.Skipf("the child had no server of kind %s", kind)
	}
	require.Positive(t, pid)
	return pid, folder
}

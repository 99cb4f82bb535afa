package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stillframe/stillframe/internal/testbed"
	"github.com/stillframe/stillframe/mysql"
	"github.com/stillframe/stillframe/refresh/longrun"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// argsOfChild holds the arguments of a process that is the program itself, and can be killed.
const argsOfChild = "STILLFRAME_SEASON_ARGS"

// TestMain is the program where a test has started this file for that.
func TestMain(m *testing.M) {
	if text, ok := os.LookupEnv(argsOfChild); ok {
		var args []string
		if err := json.Unmarshal([]byte(text), &args); err != nil {
			panic(err)
		}
		openAccountsAs(args)
		os.Exit(run(context.Background(), args, os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// openAccountsAs has the accounts in MySQL where their address is one of it: there is no SQL Server everywhere.
func openAccountsAs(args []string) {
	for i := range args {
		if args[i] == "-sqlserver" && strings.Contains(args[i+1], "@tcp(") {
			backends[sqlserverBackend].open = backends[mysqlBackend].open
		}
	}
}

func child(t *testing.T, args []string) (cmd *exec.Cmd, stdout, stderr *bytes.Buffer) {
	t.Helper()
	text, err := json.Marshal(args)
	require.NoError(t, err)
	cmd = exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), argsOfChild+"="+string(text))
	stdout, stderr = new(bytes.Buffer), new(bytes.Buffer)
	cmd.Stdout, cmd.Stderr = stdout, stderr
	require.NoError(t, cmd.Start())
	return cmd, stdout, stderr
}

// TestResumeUnderKills kills the process five times in the middle of the season: the sixth ends it, with the exact
// table, accounts and reports in three databases.
func TestResumeUnderKills(t *testing.T) {
	t.Parallel()
	set := testbed.StartMongo(t, 1)
	set.ForgetSoon(t)
	uri, parameters, _ := strings.Cut(set.URI(), "?")
	clubs := testbed.MariaDB(t).Database(t)
	args := []string{
		"-resume", "spring", "-workers", "2", "-json", "-mysql", clubs,
		"-mongo", strings.TrimSuffix(uri, "/") + "/" + set.Database(t) + "?" + parameters,
		"-sqlserver", testbed.MySQL(t).Database(t),
	}
	db, err := mysql.Open(t.Context(), clubs, nil)
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	operations, err := longrun.Open(db)
	require.NoError(t, err)
	for kill := range int64(5) {
		cmd, _, stderr := child(t, args)
		require.Eventually(t, func() bool {
			status, err := operations.Status(t.Context(), "season spring", replayID)
			return err == nil && status.Phase == longrun.Running && status.Done >= 50*(kill+1)
		}, testbed.Patience, time.Millisecond, "%v", stderr)
		require.NoError(t, cmd.Process.Kill())
		_ = cmd.Wait()
	}
	cmd, stdout, stderr := child(t, args)
	require.NoError(t, cmd.Wait(), "%v", stderr)
	r := parseResult(t, stdout.String())
	assert.Equal(t, premierLeagueTable, r.Table)
	assert.Zero(t, *r.Lost)
	status, err := operations.Status(t.Context(), "season spring", replayID)
	require.NoError(t, err)
	require.Equal(t, longrun.Done, status.Phase)
	lost := 0
	for _, a := range status.Attempts {
		if a.Result == "lost" {
			lost++
		}
	}
	assert.GreaterOrEqual(t, lost, 5, "each of the five was taken over")

	// What is done is not done again.
	cmd, stdout, stderr = child(t, args)
	require.NoError(t, cmd.Wait(), "%v", stderr)
	assert.Equal(t, premierLeagueTable, parseResult(t, stdout.String()).Table)
}

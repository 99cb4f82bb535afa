//go:build unix

package testbed

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/internal/testbed/binary"
)

// outcome records how a test was ended.
type outcome struct {
	testing.TB
	skipped, failed string
}

func (o *outcome) Helper() {}

func (o *outcome) Skipf(format string, args ...any) {
	o.skipped = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

func (o *outcome) Fatalf(format string, args ...any) {
	o.failed = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

// ending runs a function of a test and returns how it ended the test.
func ending(run func(t testing.TB)) *outcome {
	o := &outcome{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		run(o)
	}()
	<-done
	return o
}

func TestMissingServer(t *testing.T) {
	absent := error(&missing{"not on PATH, no Docker"})
	tests := []struct {
		name              string
		require           string
		err               error
		wantSkip, wantEnd string
	}{
		{"Skipped", "", absent, "no mysql: not on PATH, no Docker", ""},
		{"OtherRequired", "mongo,mariadb", absent, "no mysql: not on PATH, no Docker", ""},
		{
			"Required", "mongo, MySQL", absent, "",
			"testbed: no mysql: not on PATH, no Docker (and STILLFRAME_REQUIRE names it)",
		},
		{"BrokenIsNeverSkipped", "", errors.New("disk full"), "", "testbed: mysql: disk full"},
		{"There", "mysql", nil, "", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv(requireVariable, test.require)
			got := ending(func(t testing.TB) { settle(t, "mysql", test.err) })
			assert.Equal(t, test.wantSkip, got.skipped)
			assert.Equal(t, test.wantEnd, got.failed)
			assert.NotContains(t, got.skipped+got.failed, "\n")
		})
	}
}

func TestServerOfTheEnvironment(t *testing.T) {
	t.Run("AnotherProduct", func(t *testing.T) {
		t.Setenv(mySQL.variable, MariaDB(t).DSN())
		_, err := mySQL.find()
		require.Error(t, err)
		assert.Contains(t, err.Error(), "not MySQL but 10.")
	})
	t.Run("Used", func(t *testing.T) {
		shared := MariaDB(t)
		t.Setenv(mariaDB.variable, shared.DSN())
		s, err := mariaDB.find()
		require.NoError(t, err)
		assert.Equal(t, shared.Addr(), s.Addr())
		assert.Equal(t, shared.Version(), s.Version())
		assert.Zero(t, s.Pid())
		require.ErrorIs(t, s.Kill(), errNotOurs)
		require.NoError(t, openSQL(t, s.Database(t)).PingContext(t.Context()))
	})
	t.Run("Malformed", func(t *testing.T) {
		t.Setenv(mariaDB.variable, "user:secret@nowhere")
		_, err := mariaDB.find()
		require.Error(t, err)
		assert.NotContains(t, err.Error(), "secret")
	})
}

// TestDockerCommands looks at the commands that a container takes, with a docker that only writes them down.
func TestDockerCommands(t *testing.T) {
	folder := t.TempDir()
	told := filepath.Join(folder, "told")
	script := "#!/bin/sh\necho \"$STILLFRAME_MARIADB_PORT $*\" >>" + told + "\n"
	require.NoError(t, binary.Write(filepath.Join(folder, "docker"), strings.NewReader(script)))
	t.Setenv("PATH", folder+string(os.PathListSeparator)+os.Getenv("PATH"))

	c, addr, password, err := startDocker(t.Context(), "mariadb")
	require.NoError(t, err)
	s := &Server{addr: addr, docker: c}
	require.NoError(t, s.Pause())
	require.NoError(t, s.Resume())
	require.NoError(t, s.Kill())
	s.stop()

	text, err := os.ReadFile(told)
	require.NoError(t, err)
	assert.NotContains(t, string(text), password, "a password in the list of processes")
	var commands []string
	for line := range strings.Lines(string(text)) {
		port, command, _ := strings.Cut(strings.TrimSpace(line), " ")
		if command, ok := strings.CutPrefix(command, "compose -p stillframe-mariadb-"); ok {
			_, command, _ = strings.Cut(command, "compose.yaml ")
			commands = append(commands, command)
			assert.Equal(t, addr, "127.0.0.1:"+port)
		}
	}
	assert.Equal(t, []string{
		"up --detach --wait mariadb", "pause mariadb", "unpause mariadb", "kill mariadb", "down --volumes --timeout 1",
	}, commands)
}

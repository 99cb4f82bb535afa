package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/internal/testbed"
)

func Example() {
	if err := run(context.Background(), "", ""); err != nil {
		fmt.Println(err)
	}
	// Output:
	// The old service writes as it always has
	//   100 gold, a shield for 30, a win for 10: 110. The shield was for nothing
	//   a copy that was held meanwhile was saved, and the win is gone
	// The table moves the version for it
	//   100 gold, a shield for 30, a win for 10: 110. The shield was for nothing
	//   a copy that was held meanwhile was refused: store: save legacy_players "2": version conflict (have 3, stored 4)
	// The old service has the version in its update
	//   100 gold, a shield for 30, a win for 10: 80. The old service was told, and read 1 time more
	//   a copy that was held meanwhile was refused: store: save legacy_players "3": version conflict (have 3, stored 4)
}

// TestOnServers has the story end in the same way with the old service in Python, on real servers.
func TestOnServers(t *testing.T) {
	told := func(dsn, python string) string {
		read, write, err := os.Pipe()
		require.NoError(t, err)
		stdout := os.Stdout
		os.Stdout = write
		err = run(t.Context(), dsn, python)
		os.Stdout = stdout
		require.NoError(t, write.Close())
		text, readErr := io.ReadAll(read)
		require.NoError(t, readErr)
		require.NoError(t, err)
		return string(text)
	}
	want := told("", "")
	for name, server := range map[string]func(testing.TB) *testbed.Server{
		"MariaDB": testbed.MariaDB, "MySQL": testbed.MySQL,
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, want, told(server(t).Database(t), testbed.Python(t))) })
	}
}

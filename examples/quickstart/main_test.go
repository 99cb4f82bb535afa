package main

import (
	"io"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/internal/testbed"
)

// TestQuickstart runs the program twice on real servers: the second run finds what the first has made.
// It names its database of MongoDB itself, so that it gets a server of its own.
func TestQuickstart(t *testing.T) {
	t.Setenv("MYSQL", testbed.MySQL(t).Database(t))
	t.Setenv("MONGO", testbed.StartMongo(t, 1).URI())
	assert.Equal(t, "mysql balance 400 version 2\nmongo balance 400 version 2\n", output(t))
	assert.Equal(t, "mysql balance 300 version 3\nmongo balance 300 version 3\n", output(t))
}

// output runs the program and returns what it printed.
func output(t *testing.T) string {
	read, write, err := os.Pipe()
	require.NoError(t, err)
	stdout := os.Stdout
	os.Stdout = write
	defer func() { os.Stdout = stdout }()
	main()
	require.NoError(t, write.Close())
	text, err := io.ReadAll(read)
	require.NoError(t, err)
	return string(text)
}

package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/internal/testbed/binary"
)

// TestFill gets a server that is a script, so it needs no network: once, not again, again when the recipe
// changes, and never half.
func TestFill(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "mongo")
	calls := 0
	get := func(_ context.Context, folder string) (string, error) {
		calls++
		return "a test", binary.Write(filepath.Join(folder, "bin", "mongod"),
			strings.NewReader("#!/bin/sh\necho db version v6.0.5\n"))
	}
	assert.Regexp(t, `^6\.0\.5 from a test, in [0-9.]+ s$`, fill(t.Context(), binary.Mongo, folder, "one", get))
	assert.Equal(t, "6.0.5 is there", fill(t.Context(), binary.Mongo, folder, "one", get))
	assert.Equal(t, 1, calls)
	fill(t.Context(), binary.Mongo, folder, "two", get)
	assert.Equal(t, 2, calls, "another recipe gets it again")

	broken := func(context.Context, string) (string, error) { return "", errors.New("no\nnetwork") }
	assert.Equal(t, "not to be had here: no network", fill(t.Context(), binary.Mongo, folder, "three", broken))
	assert.Equal(t, "6.0.5 is there", fill(t.Context(), binary.Mongo, folder, "two", get), "what was there stays")
	entries, err := os.ReadDir(filepath.Dir(folder))
	require.NoError(t, err)
	assert.Len(t, entries, 1, "something was left beside the folder")
}

func copyProgram(t *testing.T, from, to string) {
	t.Helper()
	file, err := os.Open(from)
	require.NoError(t, err)
	defer file.Close()
	require.NoError(t, binary.Write(to, file))
}

// TestWriteScript runs a program of this machine through a script, from a folder that was moved.
func TestWriteScript(t *testing.T) {
	t.Parallel()
	loaders, err := filepath.Glob("/lib*/ld-linux*.so.*")
	if err != nil || len(loaders) == 0 {
		t.Skip("this system has no such loader")
	}
	folder := filepath.Join(t.TempDir(), "first")
	library := filepath.Join(folder, "root", "usr", "lib", "some-triplet")
	copyProgram(t, loaders[0], filepath.Join(library, filepath.Base(loaders[0])))
	program, err := exec.LookPath("echo")
	require.NoError(t, err)
	copyProgram(t, program, filepath.Join(folder, "root", "echo"))
	require.NoError(t, writeScript(folder, "echo", "root/echo"))

	moved := filepath.Join(filepath.Dir(folder), "with a space")
	require.NoError(t, os.Rename(folder, moved))
	out, err := exec.CommandContext(t.Context(), filepath.Join(moved, "bin", "echo"), "a b", "c").CombinedOutput()
	require.NoError(t, err, string(out))
	assert.Equal(t, "a b c", strings.TrimSpace(string(out)))
}

package binary

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestWriteAndRun writes programs and runs each at once, while others do the same.
func TestWriteAndRun(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			for j := range 25 {
				path := filepath.Join(folder, fmt.Sprint(i), fmt.Sprint(j))
				if !assert.NoError(t, Write(path, strings.NewReader("#!/bin/sh\necho it runs\n"))) {
					return
				}
				out, err := exec.CommandContext(t.Context(), path).Output()
				if !assert.NoError(t, err) || !assert.Equal(t, "it runs\n", string(out)) {
					return
				}
			}
		})
	}
	group.Wait()
}

func TestWriteOverwrites(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "bin", "program")
	require.NoError(t, Write(path, strings.NewReader("what is long")))
	require.NoError(t, Write(path, strings.NewReader("short")))
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "short", string(text))
	require.Error(t, Write(filepath.Join(path, "program"), strings.NewReader("")), "a file is no folder")
}

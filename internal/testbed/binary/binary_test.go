package binary

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// fake writes a program that prints its version and nothing else.
func fake(t *testing.T, path, prints string) {
	t.Helper()
	require.NoError(t, Write(path, strings.NewReader("#!/bin/sh\necho '"+prints+"'\n")))
}

const (
	mariadbSays = "mysqld  Ver 10.11.18-MariaDB-0+deb12u1 for debian-linux-gnu on x86_64 (Debian 12)"
	mysqlSays   = "/usr/sbin/mysqld  Ver 9.7.4-2 for Linux on x86_64 ((Debian))"
	mongodSays  = "db version v6.0.5"
)

func TestIn(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, program, prints string
		kind                  Kind
		want                  string
		wantErr               bool
	}{
		{"MariaDB", "mariadbd", mariadbSays, MariaDB, "10.11.18-MariaDB-0+deb12u1", false},
		{"MySQL", "mysqld", mysqlSays, MySQL, "9.7.4-2", false},
		{"Mongo", "mongod", mongodSays, Mongo, "6.0.5", false},
		{"AnotherProduct", "mysqld", mariadbSays, MySQL, "", true},
		{"NoVersion", "mongod", "hello", Mongo, "", true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			_, err := In(t.Context(), test.kind, folder)
			require.ErrorIs(t, err, ErrMissing)
			fake(t, filepath.Join(folder, "bin", test.program), test.prints)
			b, err := In(t.Context(), test.kind, folder)
			if test.wantErr {
				require.Error(t, err)
				require.NotErrorIs(t, err, ErrMissing, "what is there and does not work is not missing")
				return
			}
			require.NoError(t, err)
			assert.Equal(t, test.want, b.Version)
		})
	}
}

func TestFindOnPath(t *testing.T) {
	folder := t.TempDir()
	t.Setenv("PATH", folder+string(os.PathListSeparator)+os.Getenv("PATH"))
	// The name says MySQL, the version does not.
	fake(t, filepath.Join(folder, "mysqld"), mariadbSays)
	b, err := Find(t.Context(), MySQL)
	if err == nil {
		assert.NotEqual(t, filepath.Join(folder, "mysqld"), b.Path)
	}
	fake(t, filepath.Join(folder, "mysqld"), mysqlSays)
	b, err = Find(t.Context(), MySQL)
	require.NoError(t, err)
	assert.Equal(t, filepath.Join(folder, "mysqld"), b.Path)
}

func TestRoot(t *testing.T) {
	root, err := Root()
	require.NoError(t, err)
	assert.FileExists(t, filepath.Join(root, "internal", "testbed", "binary", "binary.go"))
	t.Chdir(t.TempDir())
	_, err = Root()
	require.Error(t, err)
}

// TestInitialize makes a data folder with each server that is here.
func TestInitialize(t *testing.T) {
	t.Parallel()
	for _, kind := range []Kind{MariaDB, MySQL} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			b, err := Find(t.Context(), kind)
			if err != nil {
				t.Skip(err)
			}
			data := filepath.Join(t.TempDir(), "data")
			require.NoError(t, b.Initialize(t.Context(), data))
			assert.DirExists(t, filepath.Join(data, "mysql"))
			require.Error(t, b.Initialize(t.Context(), data), "the folder is there")
		})
	}
}

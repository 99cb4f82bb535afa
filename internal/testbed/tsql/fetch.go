package tsql

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/stillframe/stillframe/internal/testbed/binary"
)

const python = "python3"

// icuVersion is that of the library in icu4py. The runtime is older, and would not look for it.
const icuVersion = "78"

// libraries are the files of which the runtime knows the beginning of the name alone, and their ends as it wants
// them: a wheel puts a sum between both.
var libraries = []struct{ name, end string }{
	{"libicudata", ".so." + icuVersion},
	{"libicui18n", ".so." + icuVersion},
	{"libicuuc", ".so." + icuVersion},
	{"libssl", ".so.1.1"},
	{"libcrypto", ".so.1.1"},
}

//go:embed requirements.txt
var requirements []byte

//go:embed libraries.txt
var libraryList []byte

// Recipe is what the stamp of a folder holds that is up to date. Its error says why this machine cannot have one.
func Recipe(ctx context.Context) (string, error) {
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		return "", errors.New("the runtime is for Linux on x86-64")
	}
	const ask = "import sys; print(sys.implementation.cache_tag)"
	out, err := exec.CommandContext(ctx, python, "-c", ask).Output()
	if err != nil {
		return "", fmt.Errorf("this system has no %s", python)
	}
	sum := sha256.Sum256(append(append([]byte(nil), requirements...), libraryList...))
	return fmt.Sprintf("1 %x %s\n", sum, strings.TrimSpace(string(out))), nil
}

// Fetch fills .servers/tsql, unless it is up to date, and reports whether it had to. The work is done beside the
// folder, which takes its place when it has judged a first statement.
func Fetch(ctx context.Context) (fetched bool, err error) {
	recipe, err := Recipe(ctx)
	if err != nil {
		return false, err
	}
	if _, err := Find(ctx); err == nil {
		return false, nil
	}
	root, err := binary.Root()
	if err != nil {
		return false, err
	}
	parent := filepath.Join(root, servers)
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return false, err
	}
	part, err := os.MkdirTemp(parent, "tsql.part-")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(part)
	if err := os.Chmod(part, 0o755); err != nil { // the folder of a temporary name is closed to others
		return false, err
	}
	if err := fill(ctx, filepath.Join(root, source), part); err != nil {
		return false, err
	}
	if err := os.WriteFile(filepath.Join(part, "stamp"), []byte(recipe), 0o644); err != nil {
		return false, err
	}
	folder := filepath.Join(parent, "tsql")
	if err := os.RemoveAll(folder); err != nil {
		return false, err
	}
	return true, os.Rename(part, folder)
}

// fill gets both lists into the folder and has a first statement judged there.
func fill(ctx context.Context, source, folder string) error {
	if err := install(ctx, filepath.Join(folder, "python"), filepath.Join(source, "requirements.txt")); err != nil {
		return err
	}
	wheels := filepath.Join(folder, "wheels")
	err := install(ctx, wheels, filepath.Join(source, "libraries.txt"), "--implementation", "cp",
		"--python-version", "3.11", "--platform", "manylinux_2_28_x86_64", "--platform", "manylinux2014_x86_64")
	if err != nil {
		return err
	}
	if err := takeLibraries(wheels, filepath.Join(folder, "lib")); err != nil {
		return err
	}
	if err := os.RemoveAll(wheels); err != nil {
		return err
	}
	first := Request{
		Statements: []Statement{{Text: "SELECT [id] FROM [t] WHERE [id] = @p1", Params: []string{"BIGINT"}}},
		Schema:     []string{"CREATE TABLE [t] ([id] BIGINT NOT NULL PRIMARY KEY)"},
	}
	request, err := json.Marshal(first)
	if err != nil {
		return err
	}
	report, err := run(ctx, source, folder, request)
	if err != nil {
		return fmt.Errorf("what was got does not run: %w", err)
	}
	if len(report.Levels[Level]) > 0 || len(report.Unresolved) > 0 {
		return fmt.Errorf("what was got refuses a statement: %v %v", report.Levels[Level], report.Unresolved)
	}
	return nil
}

// install puts the packages of a list into a folder of their own. pip checks the sum of every file.
func install(ctx context.Context, folder, list string, more ...string) error {
	args := append([]string{
		"-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--root-user-action=ignore", "--no-input",
		"--no-deps", "--only-binary", ":all:", "--no-compile", "--require-hashes", "--target", folder, "-r", list,
	}, more...)
	out, err := exec.CommandContext(ctx, python, args...).CombinedOutput()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("pip: %w: %s", err, tail(string(out)))
	}
	return nil
}

// takeLibraries moves the libraries into one folder, beside links of the names that the runtime and they
// themselves look for.
func takeLibraries(wheels, folder string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	for _, l := range libraries {
		found, err := filepath.Glob(filepath.Join(wheels, "*.libs", l.name+"-*"+l.end+"*"))
		if err != nil || len(found) != 1 {
			return fmt.Errorf("the wheels hold %d libraries %s", len(found), l.name+l.end)
		}
		file := filepath.Base(found[0])
		if err := os.Rename(found[0], filepath.Join(folder, file)); err != nil {
			return err
		}
		if err := os.Symlink(file, filepath.Join(folder, l.name+l.end)); err != nil {
			return err
		}
	}
	return nil
}

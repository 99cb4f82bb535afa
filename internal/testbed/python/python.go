package python

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/stillframe/stillframe/internal/testbed/binary"
)

// system is the Python that the environment is made of.
const system = "python3"

//go:embed requirements.txt
var requirements []byte

// ErrMissing is returned by [Find] where nothing has made the environment.
var ErrMissing = errors.New("not in .servers (make servers)")

// Find returns the interpreter of the environment. It returns ErrMissing where it is not there, or not for the Python
// and the packages that it should be for.
func Find(ctx context.Context) (interpreter string, err error) {
	folder, err := home()
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrMissing, err)
	}
	recipe, err := recipe(ctx)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrMissing, err)
	}
	stamp, err := os.ReadFile(filepath.Join(folder, "stamp"))
	if err != nil || string(stamp) != recipe {
		return "", ErrMissing
	}
	return in(folder), nil
}

// home is .servers/python at the root of the module.
func home() (string, error) {
	root, err := binary.Root()
	return filepath.Join(root, ".servers", "python"), err
}

// in is the interpreter of an environment.
func in(folder string) string { return filepath.Join(folder, "bin", "python") }

// recipe is what the stamp of a folder holds that is up to date. Its error says why this machine cannot have one.
func recipe(ctx context.Context) (string, error) {
	const ask = "import sys; print(sys.implementation.cache_tag)"
	out, err := exec.CommandContext(ctx, system, "-c", ask).Output()
	if err != nil {
		return "", fmt.Errorf("this system has no %s", system)
	}
	return fmt.Sprintf("1 %x %s\n", sha256.Sum256(requirements), strings.TrimSpace(string(out))), nil
}

// Fetch makes the environment, unless it is up to date, and reports whether it had to. The work is done beside the
// folder, which takes its place when each client could be imported: a run that was ended half-way leaves nothing that
// looks whole.
func Fetch(ctx context.Context) (fetched bool, err error) {
	if _, err := Find(ctx); err == nil {
		return false, nil
	}
	recipe, err := recipe(ctx)
	if err != nil {
		return false, err
	}
	folder, err := home()
	if err != nil {
		return false, err
	}
	if err := os.MkdirAll(filepath.Dir(folder), 0o755); err != nil {
		return false, err
	}
	part, err := os.MkdirTemp(filepath.Dir(folder), "python.part-")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(part)
	if err := os.Chmod(part, 0o755); err != nil { // the folder of a temporary name is closed to others
		return false, err
	}
	if err := fill(ctx, part); err != nil {
		return false, err
	}
	if err := os.WriteFile(filepath.Join(part, "stamp"), []byte(recipe), 0o644); err != nil {
		return false, err
	}
	if err := os.RemoveAll(folder); err != nil {
		return false, err
	}
	return true, os.Rename(part, folder)
}

// fill makes the environment in a folder, and has it import what it got. The environment has no pip of its own, which
// some systems keep in a package apart: that of the system puts the packages into it.
func fill(ctx context.Context, folder string) error {
	if err := run(ctx, system, "-m", "venv", "--without-pip", folder); err != nil {
		return err
	}
	libraries, err := filepath.Glob(filepath.Join(folder, "lib", "python3*", "site-packages"))
	if err != nil || len(libraries) != 1 {
		return fmt.Errorf("the environment has %d folders for packages", len(libraries))
	}
	list := filepath.Join(folder, "requirements.txt")
	if err := os.WriteFile(list, requirements, 0o644); err != nil {
		return err
	}
	err = run(ctx, system, "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
		"--root-user-action=ignore", "--no-input", "--no-deps", "--only-binary", ":all:", "--require-hashes",
		"--target", libraries[0], "-r", list)
	if err != nil {
		return err
	}
	if err := run(ctx, in(folder), "-c", "import sqlalchemy, pymysql, mongoengine"); err != nil {
		return fmt.Errorf("what was got does not run: %w", err)
	}
	return nil
}

// run runs a program, and has the end of what it printed in its error.
func run(ctx context.Context, name string, args ...string) error {
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		const most = 2000
		text := strings.TrimSpace(string(out))
		return fmt.Errorf("%s: %w: %s", strings.Join(args[:2], " "), err, text[max(0, len(text)-most):])
	}
	return nil
}

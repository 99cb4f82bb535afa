package binary

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// ErrMissing is returned when a server's program is neither on PATH nor in .servers. Every other error means
// that something is there which does not work.
var ErrMissing = errors.New("not on PATH, not in .servers (make servers)")

// Kind names a server, as STILLFRAME_REQUIRE and the folders of .servers do.
type Kind string

// The servers that this package can find.
const (
	MariaDB Kind = "mariadb"
	MySQL   Kind = "mysql"
	Mongo   Kind = "mongo"
)

// module is the line of go.mod that marks the folder which holds .servers.
const module = "module github.com/stillframe/stillframe"

// programs are the names under which a server may lie on PATH, the likeliest first. Where MariaDB is installed
// mysqld is often a link to it, so the version decides, never the name.
func (k Kind) programs() []string {
	switch k {
	case MariaDB:
		return []string{"mariadbd", "mysqld"}
	case MySQL:
		return []string{"mysqld"}
	default:
		return []string{"mongod"}
	}
}

// Binary is a program that was found and has told its version. It is not changed after Find, so it is safe for
// concurrent use.
type Binary struct {
	Kind    Kind
	Version string // as the program prints it, "9.7.4-2"
	Path    string // what to execute

	base string // the installation's prefix
	data string // a fresh data folder to copy, or ""
}

// Find looks for a server's program on PATH (and in the sbin folders, which an ordinary user's PATH lacks), then
// in .servers. It returns ErrMissing when there is none.
func Find(ctx context.Context, kind Kind) (*Binary, error) {
	for _, name := range kind.programs() {
		for _, path := range onPath(name) {
			b, err := newBinary(ctx, kind, path)
			if err == nil && b != nil {
				return b, nil
			}
		}
	}
	root, err := Root()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMissing, err)
	}
	return In(ctx, kind, filepath.Join(root, ".servers", string(kind)))
}

// In looks for a server's program in one folder of the layout that the package comment shows. It returns
// ErrMissing when the folder holds none.
func In(ctx context.Context, kind Kind, folder string) (*Binary, error) {
	path := filepath.Join(folder, "bin", kind.programs()[0])
	if _, err := os.Stat(path); err != nil {
		return nil, ErrMissing
	}
	b, err := newBinary(ctx, kind, path)
	if err != nil {
		return nil, err
	}
	if b == nil {
		return nil, fmt.Errorf("%s is another product than its name says", path)
	}
	b.base = filepath.Join(folder, "root", "usr")
	if data := filepath.Join(folder, "data"); isDir(data) {
		b.data = data
	}
	return b, nil
}

// Root returns the folder of this module's go.mod, looking upwards from the working folder.
func Root() (string, error) {
	folder, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		text, err := os.ReadFile(filepath.Join(folder, "go.mod"))
		if err == nil {
			if line, _, _ := strings.Cut(string(text), "\n"); strings.TrimSpace(line) == module {
				return folder, nil
			}
		}
		parent := filepath.Dir(folder)
		if parent == folder {
			return "", errors.New("the working folder is not inside the module")
		}
		folder = parent
	}
}

func onPath(name string) []string {
	var found []string
	if path, err := exec.LookPath(name); err == nil {
		found = append(found, path)
	}
	for _, folder := range []string{"/usr/sbin", "/usr/local/sbin"} {
		if path, err := exec.LookPath(filepath.Join(folder, name)); err == nil {
			found = append(found, path)
		}
	}
	return found
}

var version = regexp.MustCompile(`(?:Ver|version v?)\s*([0-9]+\.[0-9]+\.[0-9]+[^\s]*)`)

// newBinary asks the program at path for its version. It returns nil without an error when the program is
// another product.
func newBinary(ctx context.Context, kind Kind, path string) (*Binary, error) {
	out, err := exec.CommandContext(ctx, path, "--version").CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("%s --version: %w: %s", path, err, lastLine(out))
	}
	if kind != Mongo && (kind == MariaDB) != strings.Contains(string(out), "MariaDB") {
		return nil, nil
	}
	match := version.FindSubmatch(out)
	if match == nil {
		return nil, fmt.Errorf("%s --version tells no version: %s", path, lastLine(out))
	}
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return nil, err
	}
	return &Binary{Kind: kind, Version: string(match[1]), Path: path, base: filepath.Dir(filepath.Dir(real))}, nil
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

func lastLine(out []byte) string {
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return lines[len(lines)-1]
}

package binary

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Args returns the arguments that make the program serve the data folder on a port of 127.0.0.1, and nowhere
// else. The settings are for tests: small buffers and no fsync. A commit is still handed to the operating system
// before it is acknowledged, so a server that is killed loses nothing; only a machine that loses power does.
func (b *Binary) Args(data string, port int) []string {
	if b.Kind == Mongo {
		return []string{
			"--dbpath", data, "--port", strconv.Itoa(port), "--bind_ip", "127.0.0.1", "--nounixsocket",
			"--wiredTigerCacheSizeGB", "0.25", "--setParameter", "diagnosticDataCollectionEnabled=false",
			"--setParameter", "enableTestCommands=1", // for the fail points, by which a test has the server fail
		}
	}
	return append(b.common(data),
		"--port="+strconv.Itoa(port), "--bind-address=127.0.0.1", "--skip-name-resolve",
		"--character-set-server=utf8mb4", "--max-connections=500",
		"--innodb-flush-log-at-trx-commit=2",
		// Both are taken relative to the data folder, so a long temporary path cannot pass a socket's limit.
		"--socket=server.sock", "--pid-file=server.pid",
	)
}

// ReplicaSetArgs returns what is added to Args to make a MongoDB server a member of a replica set.
func ReplicaSetArgs(name string) []string {
	return []string{"--replSet", name, "--oplogSize", "64"}
}

// InitFile returns the argument that makes a SQL server run the statements of a file when it starts.
func InitFile(path string) string { return "--init-file=" + path }

// common are the arguments that a SQL server needs both to make a data folder and to serve it.
func (b *Binary) common(data string) []string {
	args := []string{
		"--no-defaults", "--datadir=" + data, "--tmpdir=" + temporary(data),
		"--basedir=" + b.base, "--lc-messages-dir=" + b.share(),
		"--innodb-buffer-pool-size=64M", "--innodb-flush-method=nosync", "--skip-log-bin", "--skip-innodb-doublewrite",
	}
	if plugins := filepath.Join(b.base, "lib", "mysql", "plugin"); isDir(plugins) {
		args = append(args, "--plugin-dir="+plugins)
	}
	if b.Kind == MariaDB {
		args = append(args, "--innodb-log-file-size=64M")
	} else {
		args = append(args, "--innodb-redo-log-capacity=64M", "--secure-file-priv=NULL")
		if !strings.HasPrefix(b.Version, "5.") {
			args = append(args, "--mysqlx=OFF")
		}
	}
	// Both products refuse to run as root unless they are told to.
	if os.Geteuid() == 0 {
		args = append(args, "--user=root")
	}
	return args
}

// temporary returns the folder for a server's temporary files, beside its data. Each server has one of its own:
// one that starts removes what it finds there, also the files of another server that runs.
func temporary(data string) string { return data + ".tmp" }

// share returns the folder of a SQL server's messages and scripts.
func (b *Binary) share() string {
	for _, name := range []string{"share/mysql", "share/mariadb", "share"} {
		if folder := filepath.Join(b.base, name); isDir(filepath.Join(folder, "english")) {
			return folder
		}
	}
	return filepath.Join(b.base, "share")
}

// Prepare makes a data folder that the program can serve, and a folder beside it for temporary files. Neither may
// exist. A SQL server's folder is
// copied from .servers when "make servers" left one there, which takes a tenth of a second; otherwise the program
// makes it, which takes one to six.
func (b *Binary) Prepare(ctx context.Context, data string) error {
	switch {
	case b.Kind == Mongo:
		return os.Mkdir(data, 0o700)
	case b.data != "":
		if err := os.CopyFS(data, os.DirFS(b.data)); err != nil {
			return err
		}
	default:
		if err := b.Initialize(ctx, data); err != nil {
			return err
		}
	}
	return os.Mkdir(temporary(data), 0o700)
}

// Initialize has a SQL server make a data folder with its system tables, and no accounts but root's. It returns
// the last lines that the program printed when that fails.
func (b *Binary) Initialize(ctx context.Context, data string) error {
	if err := os.Mkdir(temporary(data), 0o700); err != nil {
		return err
	}
	defer os.RemoveAll(temporary(data))
	args := append(b.common(data), "--initialize-insecure")
	var script string
	if b.Kind == MariaDB {
		if err := os.Mkdir(data, 0o700); err != nil {
			return err
		}
		var err error
		if script, err = b.bootstrap(); err != nil {
			return err
		}
		args[len(args)-1] = "--bootstrap"
	}
	cmd := exec.CommandContext(ctx, b.Path, args...)
	cmd.Stdin = strings.NewReader(script)
	out, err := cmd.CombinedOutput()
	if err != nil {
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		return fmt.Errorf("making a data folder: %w: %s", err, strings.Join(lines[max(0, len(lines)-3):], "; "))
	}
	return nil
}

// bootstrap returns the statements that make MariaDB's system tables: what mariadb-install-db feeds the server,
// without that script, whose own paths do not fit unpacked packages.
func (b *Binary) bootstrap() (string, error) {
	var text strings.Builder
	text.WriteString("CREATE DATABASE IF NOT EXISTS mysql;\nUSE mysql;\nSET @auth_root_socket=NULL;\n" +
		"SET @skip_auth_anonymous=1;\n")
	for _, name := range []string{"system_tables", "performance_tables", "system_tables_data", "sys_schema"} {
		candidates := []string{
			filepath.Join(b.share(), "mariadb_"+name+".sql"),
			filepath.Join(b.share(), "mysql_"+name+".sql"),
		}
		at := slices.IndexFunc(candidates, func(path string) bool { _, err := os.Stat(path); return err == nil })
		if at < 0 {
			return "", fmt.Errorf("%s is missing", candidates[0])
		}
		statements, err := os.ReadFile(candidates[at])
		if err != nil {
			return "", err
		}
		text.Write(statements)
		text.WriteString("\n")
	}
	return text.String(), nil
}

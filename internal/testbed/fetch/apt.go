package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// unpack downloads packages of a suite of Debian, with all that they depend on down to the C library, and unpacks them
// below root. It returns how many there were. apt-get is pointed at folders of its own below work, so it neither sees
// nor changes what is installed, and needs no rights. Mirrors are tried in turn; the first one's error is returned,
// since it is the one that the machine is set up for.
func unpack(ctx context.Context, work, root, suite string, packages ...string) (int, error) {
	for _, program := range []string{"apt-get", "dpkg-deb"} {
		if _, err := exec.LookPath(program); err != nil {
			return 0, fmt.Errorf("this system has no %s", program)
		}
	}
	keys, err := keyring()
	if err != nil {
		return 0, err
	}
	work = filepath.Join(work, "apt")
	defer os.RemoveAll(work)
	for _, folder := range []string{"lists/partial", "cache/archives/partial"} {
		if err := os.MkdirAll(filepath.Join(work, folder), 0o755); err != nil {
			return 0, err
		}
	}
	if err := os.WriteFile(filepath.Join(work, "status"), nil, 0o644); err != nil {
		return 0, err
	}
	options := aptOptions(work)
	var failures []error
	for _, uri := range mirrors(ctx, options) {
		source := "deb [signed-by=" + keys + "] " + uri + " " + suite + " main\n"
		if err := download(ctx, work, source, options, packages); err != nil {
			failures = append(failures, err)
			continue
		}
		return extractAll(ctx, filepath.Join(work, "cache", "archives"), root)
	}
	return 0, failures[0]
}

// aptOptions has apt-get use lists, cache and status of its own below work, and leaves its sources to whoever calls it.
func aptOptions(work string) []string {
	return []string{
		"-o", "Dir::State=" + work,
		"-o", "Dir::State::lists=" + filepath.Join(work, "lists"),
		"-o", "Dir::State::status=" + filepath.Join(work, "status"),
		"-o", "Dir::Cache=" + filepath.Join(work, "cache"),
		// As root apt-get would fetch as another user, who may not write here.
		"-o", "APT::Sandbox::User=root",
		// An ordinary user may not take dpkg's lock, and nothing here is dpkg's.
		"-o", "Debug::NoLocking=true",
		"-o", "APT::Update::Error-Mode=any",
		"-o", "Acquire::Retries=2",
		"-o", "Acquire::Languages=none",
		"-o", "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false",
		"-o", "Acquire::IndexTargets::deb::DEP-11-icons::DefaultEnabled=false",
		"-o", "Acquire::IndexTargets::deb::DEP-11-icons-small::DefaultEnabled=false",
		"-q", "-y",
	}
}

// download fills work/cache/archives from one source, a line of sources.list(5).
func download(ctx context.Context, work, source string, options, packages []string) error {
	list := filepath.Join(work, "sources.list")
	if err := os.WriteFile(list, []byte(source), 0o644); err != nil {
		return err
	}
	options = append(slices.Clone(options), "-o", "Dir::Etc::sourcelist="+list, "-o", "Dir::Etc::sourceparts=/dev/null")
	if _, err := run(ctx, "apt-get", append(slices.Clone(options), "update")...); err != nil {
		return err
	}
	options = append(options, "--no-install-recommends", "--download-only", "install")
	_, err := run(ctx, "apt-get", append(options, packages...)...)
	return err
}

// extractAll unpacks each package of a folder below root and returns how many there were.
func extractAll(ctx context.Context, folder, root string) (int, error) {
	archives, err := filepath.Glob(filepath.Join(folder, "*.deb"))
	if err != nil {
		return 0, err
	}
	if err := os.MkdirAll(root, 0o755); err != nil {
		return 0, err
	}
	for _, archive := range archives {
		if _, err := run(ctx, "dpkg-deb", "-x", archive, root); err != nil {
			return 0, err
		}
	}
	return len(archives), nil
}

// run runs a command in the C locale and returns what it printed. The error holds the first lines that tell of
// an error, or else the last line.
func run(ctx context.Context, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C", "DEBIAN_FRONTEND=noninteractive")
	out, err := cmd.CombinedOutput()
	if err == nil {
		return string(out), nil
	}
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	told := lines[len(lines)-1]
	for _, line := range lines {
		if strings.HasPrefix(line, "E:") || strings.HasPrefix(line, "ERROR:") {
			told = line
			break
		}
	}
	return "", fmt.Errorf("%s: %w: %s", name, err, told)
}

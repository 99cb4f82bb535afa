package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// unpack downloads packages of a suite of Debian, with all that they depend on down to the C library, and
// unpacks them below root. It returns how many there were. apt-get is pointed at folders of its own below work,
// so it neither sees nor changes what is installed, and needs no rights.
func unpack(ctx context.Context, work, root, suite string, packages ...string) (int, error) {
	for _, program := range []string{"apt-get", "dpkg-deb"} {
		if _, err := exec.LookPath(program); err != nil {
			return 0, fmt.Errorf("this system has no %s", program)
		}
	}
	mirrors, err := debianMirrors("/etc")
	if err != nil {
		return 0, err
	}
	work = filepath.Join(work, "apt")
	defer os.RemoveAll(work)
	failed := errors.New("no mirror was tried")
	for _, m := range mirrors {
		if failed = download(ctx, work, m, suite, packages); failed == nil {
			break
		}
	}
	if failed != nil {
		return 0, failed
	}
	archives, err := filepath.Glob(filepath.Join(work, "cache", "archives", "*.deb"))
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

// download fills work/cache/archives from one mirror.
func download(ctx context.Context, work string, m mirror, suite string, packages []string) error {
	for _, folder := range []string{"lists/partial", "cache/archives/partial", "sources.list.d"} {
		if err := os.MkdirAll(filepath.Join(work, folder), 0o755); err != nil {
			return err
		}
	}
	source := "deb " + m.uri + " " + suite + " main\n"
	if m.keyring != "" {
		source = "deb [signed-by=" + m.keyring + "] " + m.uri + " " + suite + " main\n"
	}
	for name, text := range map[string]string{"sources.list": source, "status": ""} {
		if err := os.WriteFile(filepath.Join(work, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	options := []string{
		"-o", "Dir::State=" + work,
		"-o", "Dir::State::lists=" + filepath.Join(work, "lists"),
		"-o", "Dir::State::status=" + filepath.Join(work, "status"),
		"-o", "Dir::Cache=" + filepath.Join(work, "cache"),
		"-o", "Dir::Etc::sourcelist=" + filepath.Join(work, "sources.list"),
		"-o", "Dir::Etc::sourceparts=" + filepath.Join(work, "sources.list.d"),
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
	if _, err := run(ctx, "apt-get", append(options, "update")...); err != nil {
		return err
	}
	install := append(options, "--no-install-recommends", "--download-only", "install")
	_, err := run(ctx, "apt-get", append(install, packages...)...)
	return err
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

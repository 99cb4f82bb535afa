package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestMirrors(t *testing.T) {
	t.Setenv(mirrorVariable, "http://one.example/debian")
	assert.Equal(t, []string{"http://one.example/debian"}, mirrors(t.Context(), nil))
}

// TestMirrorsOfApt reads what apt-get prints for Debian's own sources beside those of others, of updates and without
// the component main.
func TestMirrorsOfApt(t *testing.T) {
	t.Parallel()
	const printed = `'http://two.example/debian/dists/bookworm/InRelease' two.example_debian_dists_bookworm_InRelease 0
'http://deb.debian.org/debian/dists/bookworm/main/binary-amd64/Packages.xz' deb.debian.org_debian_dists_bookworm_main 0
'http://two.example/debian/dists/bookworm/main/binary-amd64/Packages.xz' two.example_debian_dists_bookworm_main 0
'http://two.example/debian/dists/bookworm/main/binary-all/Packages.xz' two.example_debian_dists_bookworm_main_binary 0
'http://three.example/security/dists/bookworm-security/main/binary-amd64/Packages.xz' three.example_security_dists 0
'https://docker.example/linux/debian/dists/bookworm/stable/binary-amd64/Packages.xz' docker.example_linux_debian 0
'mirror+file:/etc/apt/mirrors/debian.list/dists/bookworm/main/binary-amd64/Packages.xz' _etc_apt_mirrors_debian.list 0
`
	want := []string{"http://two.example/debian", "mirror+file:/etc/apt/mirrors/debian.list"}
	assert.Equal(t, want, mirrorsIn(printed))
	assert.Empty(t, mirrorsIn(""))
}

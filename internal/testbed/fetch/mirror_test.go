package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestDebianMirrors(t *testing.T) {
	t.Parallel()
	const debian = "ID=debian\nVERSION_CODENAME=bookworm\n"
	tests := []struct {
		name    string
		release string
		files   map[string]string // below apt
		want    []string
	}{
		{
			"Stanzas", debian,
			map[string]string{"sources.list.d/debian.sources": "# comment\nTypes: deb deb-src\nURIs: http://one.example/debian\n" +
				"# comment\nSuites: bookworm bookworm-updates\nComponents: main contrib\n\n" +
				"Types: deb\nURIs: http://one.example/security\nSuites: bookworm-security\nComponents: main\n"},
			[]string{"http://one.example/debian"},
		},
		{
			"Lines", debian,
			map[string]string{"sources.list": "# deb http://old.example/debian bookworm main\n" +
				"deb [ arch=amd64 signed-by=/usr/share/keyrings/debian-archive-keyring.gpg ] http://two.example/debian bookworm main # end\n" +
				"deb-src http://src.example/debian bookworm main\n"},
			[]string{"http://two.example/debian"},
		},
		{
			"OthersAreLeftOut", debian,
			map[string]string{
				"sources.list.d/cloud.list":     "deb [signed-by=/keys/cloud.gpg] https://cloud.example/apt bookworm main\n",
				"sources.list.d/docker.list":    "deb https://docker.example/linux bookworm stable\n",
				"sources.list.d/node.sources":   "Types: deb\nURIs: https://node.example\nSuites: nodistro\nComponents: main\n",
				"sources.list.d/off.sources":    "Enabled: no\nTypes: deb\nURIs: https://off.example\nSuites: bookworm\nComponents: main\n",
				"sources.list.d/debian.sources": "Types: deb\nURIs: mirror+file:/etc/apt/mirrors/debian.list\nSuites: bookworm\nComponents: main\n",
				"sources.list.d/debian.save":    "deb http://saved.example/debian bookworm main\n",
			},
			[]string{"mirror+file:/etc/apt/mirrors/debian.list"},
		},
		{"NoSources", debian, nil, nil},
		{"AnotherSystem", "ID=ubuntu\nVERSION_CODENAME=noble\n", map[string]string{"sources.list": "deb http://u.example/ubuntu noble main\n"}, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			etc := t.TempDir()
			require.NoError(t, os.MkdirAll(filepath.Join(etc, "apt", "sources.list.d"), 0o755))
			require.NoError(t, os.WriteFile(filepath.Join(etc, "os-release"), []byte(test.release), 0o644))
			for name, text := range test.files {
				require.NoError(t, os.WriteFile(filepath.Join(etc, "apt", name), []byte(text), 0o644))
			}
			mirrors, err := debianMirrors(etc)
			if test.want == nil {
				require.Error(t, err)
				return
			}
			require.NoError(t, err)
			var got []string
			for _, m := range mirrors {
				got = append(got, m.uri)
			}
			assert.Equal(t, test.want, got)
		})
	}
}

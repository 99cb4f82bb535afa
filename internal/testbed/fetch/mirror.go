package main

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// mirror is a place that has Debian's packages, as this machine's own package sources name it.
type mirror struct {
	uri     string
	keyring string // the file that its suites are signed by, "" for the keys that apt trusts anyway
}

// source is one entry of apt's sources, of either format (sources.list(5)).
type source struct {
	types, uris, suites, components []string
	signedBy                        string
	disabled                        bool
}

// debianMirrors reads apt's sources below etc and returns the mirrors of Debian itself in them. A source of
// somebody else may carry Debian's suite names too: it is told by its key, or by having no component "main".
func debianMirrors(etc string) ([]mirror, error) {
	codename, err := debianCodename(filepath.Join(etc, "os-release"))
	if err != nil {
		return nil, err
	}
	files, err := filepath.Glob(filepath.Join(etc, "apt", "sources.list.d", "*"))
	if err != nil {
		return nil, err
	}
	suites := []string{codename, "stable", "oldstable", "testing", "unstable", "sid"}
	var mirrors []mirror
	for _, file := range append([]string{filepath.Join(etc, "apt", "sources.list")}, files...) {
		text, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		for _, s := range parseSources(filepath.Ext(file), string(text)) {
			foreign := s.signedBy != "" && !strings.Contains(s.signedBy, "debian-archive")
			known := slices.ContainsFunc(s.suites, func(suite string) bool { return suite != "" && slices.Contains(suites, suite) })
			if s.disabled || foreign || !known || !slices.Contains(s.types, "deb") || !slices.Contains(s.components, "main") {
				continue
			}
			for _, uri := range s.uris {
				m := mirror{uri: uri, keyring: keyring(s.signedBy)}
				if !slices.Contains(mirrors, m) {
					mirrors = append(mirrors, m)
				}
			}
		}
	}
	if len(mirrors) == 0 {
		return nil, errors.New("apt's sources name no mirror of Debian")
	}
	return mirrors, nil
}

// debianCodename returns the name of this machine's release, and an error on another system than Debian, whose
// mirrors do not have the packages.
func debianCodename(release string) (string, error) {
	text, err := os.ReadFile(release)
	if err != nil {
		return "", errors.New("this system is not Debian")
	}
	values := map[string]string{}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		values[name] = strings.Trim(value, `"'`)
	}
	if values["ID"] != "debian" {
		return "", errors.New("this system is not Debian")
	}
	return values["VERSION_CODENAME"], nil
}

// keyring returns the file with the keys of all of Debian's suites, since a source may name one that has the
// installed suite's only.
func keyring(signedBy string) string {
	for _, file := range []string{"debian-archive-keyring.pgp", "debian-archive-keyring.gpg"} {
		if path := filepath.Join("/usr/share/keyrings", file); exists(path) {
			return path
		}
	}
	if strings.HasPrefix(signedBy, "/") {
		return signedBy
	}
	return ""
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func parseSources(extension, text string) []source {
	switch extension {
	case ".sources":
		return parseStanzas(text)
	case ".list":
		return parseLines(text)
	default:
		return nil
	}
}

// parseLines parses the one-line format: deb [option=value …] uri suite component ….
func parseLines(text string) []source {
	var sources []source
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		kind, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		s := source{types: []string{kind}}
		rest = strings.TrimSpace(rest)
		if options, after, ok := strings.Cut(rest, "]"); ok && strings.HasPrefix(rest, "[") {
			for option := range strings.FieldsSeq(options[1:]) {
				if name, value, _ := strings.Cut(option, "="); name == "signed-by" {
					s.signedBy = value
				}
			}
			rest = after
		}
		fields := strings.Fields(rest)
		if len(fields) < 3 {
			continue
		}
		s.uris, s.suites, s.components = fields[:1], fields[1:2], fields[2:]
		sources = append(sources, s)
	}
	return sources
}

// parseStanzas parses the deb822 format: fields in stanzas with an empty line between them.
func parseStanzas(text string) []source {
	var sources []source
	var s source
	var field string
	for line := range strings.Lines(text + "\n\n") {
		switch {
		case strings.HasPrefix(line, "#"):
			continue
		case strings.TrimSpace(line) == "":
			if len(s.uris) > 0 {
				sources = append(sources, s)
			}
			s, field = source{}, ""
			continue
		}
		value := line
		if line[0] != ' ' && line[0] != '\t' {
			field, value, _ = strings.Cut(line, ":")
			field = strings.ToLower(field)
		}
		words := strings.Fields(value)
		switch field {
		case "types":
			s.types = append(s.types, words...)
		case "uris":
			s.uris = append(s.uris, words...)
		case "suites":
			s.suites = append(s.suites, words...)
		case "components":
			s.components = append(s.components, words...)
		case "signed-by":
			s.signedBy += strings.Join(words, " ")
		case "enabled":
			s.disabled = strings.EqualFold(strings.TrimSpace(value), "no")
		}
	}
	return sources
}

package entity

import (
	"fmt"
	"strconv"
	"strings"
)

// storeTag is a parsed `store:"…"` tag. The order of its words does not count.
type storeTag struct {
	key, version, readAt, mark, created, updated, json bool

	auto, generated       bool
	unique, index         bool
	uniqueName, indexName string // empty: the standard name
	size                  int
	max                   bool
	varchar, text, secret bool
	decimal               bool
	precision, scale      int
	words                 []string // as written, for messages
}

// role returns the tag's role, empty when it has none.
func (t *storeTag) role() string {
	for _, r := range t.roles() {
		return r
	}
	return ""
}

// roles returns all roles that a tag names, for parseTag, which allows one.
func (t *storeTag) roles() []string {
	var roles []string
	for _, r := range []struct {
		set  bool
		name string
	}{
		{t.key, "key"},
		{t.version, "version"},
		{t.readAt, "readat"},
		{t.mark, "mark"},
		{t.created, "created"},
		{t.updated, "updated"},
		{t.json, "json"},
	} {
		if r.set {
			roles = append(roles, r.name)
		}
	}
	return roles
}

// parseTag reads the words of a tag. Each problem is a sentence without a subject.
func parseTag(text string) (t storeTag, problems []string) {
	for word := range strings.SplitSeq(text, ",") {
		word = strings.TrimSpace(word)
		if word == "" {
			continue
		}
		t.words = append(t.words, word)
		name, value, hasValue := strings.Cut(word, "=")
		if problem := t.set(name, value, hasValue); problem != "" {
			problems = append(problems, problem)
		}
	}
	if roles := t.roles(); len(roles) > 1 {
		problems = append(problems, fmt.Sprintf("has the roles %s at once", strings.Join(roles, " and ")))
	}
	if role := t.role(); t.generated && role != "" && role != "json" {
		problems = append(problems, fmt.Sprintf(`has "generated" beside %q: the library writes that field itself`, role))
	}
	if t.auto && !t.key && !t.version {
		problems = append(problems, `has "auto" without "key" or "version"`)
	}
	return t, problems
}

// set takes over one word of a tag, for parseTag. The result says what is wrong with it, empty when
// nothing is.
func (t *storeTag) set(name, value string, hasValue bool) (problem string) {
	flags := map[string]*bool{
		"key": &t.key, "version": &t.version, "readat": &t.readAt, "mark": &t.mark,
		"created": &t.created, "updated": &t.updated, "json": &t.json,
		"auto": &t.auto, "generated": &t.generated, "varchar": &t.varchar, "text": &t.text, "secret": &t.secret,
	}
	if flag, ok := flags[name]; ok {
		if hasValue {
			return fmt.Sprintf("has a value at %q, which takes none", name)
		}
		*flag = true
		return ""
	}
	switch name {
	case "unique", "index":
		if hasValue && value == "" {
			return fmt.Sprintf("has an empty name at %q", name)
		}
		if name == "unique" {
			t.unique, t.uniqueName = true, value
		} else {
			t.index, t.indexName = true, value
		}
		return ""
	case "size":
		if value == "max" {
			t.max = true
			return ""
		}
		n, err := strconv.Atoi(value)
		if err != nil || n < 1 {
			return `has a "size" that is neither a number above 0 nor "max"`
		}
		t.size = n
		return ""
	case "decimal":
		p, s, ok := strings.Cut(value, ".")
		precision, err1 := strconv.Atoi(p)
		scale, err2 := strconv.Atoi(s)
		if !ok || err1 != nil || err2 != nil || precision < 1 || scale < 0 || scale > precision {
			return `has a "decimal" that is not digits in all, a point, and digits after the point, ` +
				`such as decimal=19.4`
		}
		t.decimal, t.precision, t.scale = true, precision, scale
		return ""
	}
	return fmt.Sprintf("has the unknown word %q (known: key version readat mark created updated json "+
		"generated auto unique index size varchar decimal text secret)", name)
}

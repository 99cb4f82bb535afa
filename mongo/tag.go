package mongo

import (
	"reflect"
	"strings"
)

// tag is a parsed bson tag.
type tag struct {
	name                         string
	omitEmpty, minSize, truncate bool
	inline, skip                 bool
}

// parseTag reads a tag, for Resolve, the codecs and the registry, as the driver's struct codec does (package bson,
// "Structs"): without a name the field's own in lower case, and a tag without any key as a whole where there is no
// bson key.
func parseTag(f reflect.StructField) tag {
	text, ok := f.Tag.Lookup("bson")
	if !ok && !strings.Contains(string(f.Tag), ":") {
		text = string(f.Tag)
	}
	if text == "-" {
		return tag{skip: true}
	}
	name, options, _ := strings.Cut(text, ",")
	t := tag{name: name}
	if name == "" {
		t.name = strings.ToLower(f.Name)
	}
	for option := range strings.SplitSeq(options, ",") {
		switch option {
		case "omitempty":
			t.omitEmpty = true
		case "minsize":
			t.minSize = true
		case "truncate":
			t.truncate = true
		case "inline":
			t.inline = true
		}
	}
	return t
}

package memstore

import (
	"reflect"
	"strings"

	"github.com/stillframe/stillframe/store/driver"
)

// The struct tags that [Options].Tag can name.
const (
	tagSQL  = "db"
	tagBSON = "bson"
)

// resolve says how a field is stored, where Options.Tag is tag.
func resolve(f reflect.StructField, tag string) driver.Naming {
	switch tag {
	case tagSQL:
		return resolveSQL(f)
	case tagBSON:
		return resolveBSON(f)
	}
	if _, ok := f.Tag.Lookup(tagSQL); ok {
		return resolveSQL(f)
	}
	if _, ok := f.Tag.Lookup(tagBSON); ok {
		return resolveBSON(f)
	}
	return resolveSQL(f)
}

// resolveSQL follows the default mapper of sqlx (package reflectx, getMapping): the exported fields of
// an embedded struct are found even where its own type is not exported.
func resolveSQL(f reflect.StructField) driver.Naming {
	name, _, _ := strings.Cut(f.Tag.Get(tagSQL), ",")
	inline := f.Anonymous && name == "" && isStruct(f.Type)
	switch {
	case name == "-":
		return driver.Naming{How: driver.Skip}
	case inline && (f.IsExported() || f.Type.Kind() == reflect.Struct):
		return driver.Naming{How: driver.Inline}
	case !f.IsExported():
		return driver.Naming{How: driver.Skip}
	case name == "":
		name = strings.ToLower(f.Name)
	}
	return driver.Naming{Name: name, How: driver.Stored}
}

// resolveBSON follows the MongoDB driver (package bson, "Structs"): an embedded struct nests unless it
// is tagged inline, a named one may be inlined too, and a field that is not exported is passed over
// even where it is embedded.
func resolveBSON(f reflect.StructField) driver.Naming {
	tag := f.Tag.Get(tagBSON)
	if tag == "-" || !f.IsExported() {
		return driver.Naming{How: driver.Skip}
	}
	name, options, _ := strings.Cut(tag, ",")
	for option := range strings.SplitSeq(options, ",") {
		if option == "inline" {
			return driver.Naming{How: driver.Inline}
		}
	}
	if name == "" {
		name = strings.ToLower(f.Name)
	}
	return driver.Naming{Name: name, How: driver.Stored}
}

// isStruct reports whether t is a struct or a pointer to one.
func isStruct(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.Kind() == reflect.Struct
}

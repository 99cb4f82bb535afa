package sqldb

import (
	"reflect"
	"strings"

	"github.com/jmoiron/sqlx"

	"github.com/stillframe/stillframe/store/driver"
)

// Resolve implements [driver.Database]. It follows the mapper of sqlx (package reflectx): the tag
// is db, an untagged field goes by sqlx.NameMapper, and the fields of an embedded struct without a
// tag are found even where its own type is not exported.
func (d *Database) Resolve(f reflect.StructField) driver.Naming {
	name, _, _ := strings.Cut(f.Tag.Get("db"), ",")
	inline := f.Anonymous && name == "" && isStruct(f.Type)
	switch {
	case name == "-":
		return driver.Naming{How: driver.Skip}
	case inline && (f.IsExported() || f.Type.Kind() == reflect.Struct):
		return driver.Naming{How: driver.Inline}
	case !f.IsExported():
		return driver.Naming{How: driver.Skip}
	case name == "":
		name = sqlx.NameMapper(f.Name)
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

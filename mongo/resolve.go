package mongo

import (
	"reflect"

	"github.com/stillframe/stillframe/store/driver"
)

// Resolve implements [driver.Database].
func (d *database) Resolve(f reflect.StructField) driver.Naming {
	t := parseTag(f)
	switch {
	case t.skip || !f.IsExported():
		return driver.Naming{How: driver.Skip}
	case t.inline:
		return driver.Naming{How: driver.Inline}
	}
	return driver.Naming{Name: t.name, How: driver.Stored, Opaque: isOpaque(baseOf(f.Type), d.options.Registry)}
}

// baseOf is a type without the pointer or the sql.Null around it.
func baseOf(t reflect.Type) reflect.Type {
	switch {
	case driver.IsSQLNull(t):
		return t.Field(0).Type
	case t.Kind() == reflect.Pointer:
		return t.Elem()
	}
	return t
}

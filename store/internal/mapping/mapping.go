// Package mapping is what package store knows of an entity type: which Go field is stored as what,
// which of them are key, version and times, what of a value must be checked before it is written,
// and by what two values differ. [New] compiles it once, from the struct's tags, for
// NewRepository; after that it never changes and is safe for concurrent use.
//
// It knows nothing of calls, transactions and queries, and imports store/driver alone. Its errors
// name a field and never hold a value; package store wraps them as its ErrInvalid.
package mapping

import (
	"fmt"
	"hash/maphash"
	"reflect"
	"sort"
	"strings"
	"time"

	"github.com/stillframe/stillframe/store/driver"
)

// Params are what a mapping is made of.
type Params struct {
	Table string
	Type  reflect.Type // of the entity
	Key   reflect.Type // of the repository's keys
	// Snapshot is the struct that entities embed for version and time. It is named in faults only:
	// its fields are mapped by their tags, like all others.
	Snapshot reflect.Type
	Info     driver.Info
	Resolve  func(f reflect.StructField) driver.Naming
	// Now is the clock of created and updated fields.
	Now func() time.Time
	// HasMarks says that entities are marked when they are read or written, so that Save knows an unchanged one.
	HasMarks bool
}

// Mapping is the mapping of one entity type in one table.
type Mapping struct {
	// Spec is what the backend is told of it.
	Spec driver.Spec

	info        driver.Info
	now         func() time.Time
	readAt      *driver.Field            // nil when there is none
	mark        *driver.Field            // likewise
	marks       []markFunc               // of Spec.Fields, nil where entities are not marked
	seed        maphash.Seed             // of the marks: no other mapping has the same
	created     int                      // the index in Spec.Fields, -1 when there is none
	updated     int                      // likewise
	generated   []int                    // the indexes in Spec.Fields of those that the server writes
	byName      map[string]*driver.Field // what queries can name
	checks      []check                  // of Spec.Fields, for those that have something to check
	keyChecks   []check                  // of the key's fields
	equal       []equalFunc              // of Spec.Fields
	hasValidate bool                     // the type has a Validate method
	isSecret    bool                     // the key is never printed
}

// Field returns the stored field with a Go name, or an error that lists the names there are.
func (m *Mapping) Field(name string) (*driver.Field, error) {
	if f, ok := m.byName[name]; ok {
		return f, nil
	}
	names := make([]string, 0, len(m.byName))
	for n := range m.byName {
		names = append(names, n)
	}
	sort.Strings(names)
	return nil, fmt.Errorf("%s has no stored field %q (it has %s)", m.Spec.Type, name, strings.Join(names, ", "))
}

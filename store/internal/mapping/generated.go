package mapping

import (
	"reflect"

	"github.com/stillframe/stillframe/store/driver"
)

// A generated field is one that the server writes: a generated column, a default, what a trigger fills. It is
// never sent, and read back after each write, so that the entity holds what the row holds.

// generatedProblem is what is wrong with a function of the user's that has changed a generated field: the change
// would be lost.
const generatedProblem = "is tagged generated, and only the database writes it: leave it as it is"

// CheckGenerated returns an error where a new entity, which a function of the user's has filled from its zero
// value, has anything in a generated field. For Upsert, in which Changed sees the same where the row is there.
func (m *Mapping) CheckGenerated(r driver.Record) error {
	for _, i := range m.generated {
		if f := &m.Spec.Fields[i]; !r.Field(f).IsZero() {
			return &driver.ValueError{Field: f.Name, Problem: generatedProblem}
		}
	}
	return nil
}

// ForGenerated returns a new entity for a backend to read back into what the server has written, the zero Record
// where no field is generated.
func (m *Mapping) ForGenerated() driver.Record {
	if len(m.generated) == 0 {
		return driver.Record{}
	}
	return driver.RecordOf(reflect.New(m.Spec.Type).Interface())
}

// TakeGenerated gives an entity what the server has written with it, and notes in u, which may be nil, how to
// take that back.
func (m *Mapping) TakeGenerated(u *Undo, r, from driver.Record) {
	for _, i := range m.generated {
		f := &m.Spec.Fields[i]
		u.set(r.Field(f), from.Field(f))
	}
}

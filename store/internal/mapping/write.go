package mapping

import (
	"fmt"
	"reflect"
	"time"

	"github.com/stillframe/stillframe/store/driver"
)

// validator is implemented by an entity that checks itself before each write.
type validator interface{ Validate() error }

// Prepare makes an entity ready to be written as a whole, for Insert and Save: it sets updated and,
// for an insert, created, runs Validate, and checks and normalizes each field. It notes in u what it
// changed; its caller reverts u when it fails, and when it does not return.
func (m *Mapping) Prepare(u *Undo, r driver.Record, insert bool) error {
	if created := insert && m.created >= 0; created || m.updated >= 0 {
		now := m.now()
		if created {
			m.setTime(u, r.Field(&m.Spec.Fields[m.created]), now, true)
		}
		if m.updated >= 0 {
			m.setTime(u, r.Field(&m.Spec.Fields[m.updated]), now, false)
		}
	}
	if err := m.validate(u, r); err != nil {
		return err
	}
	for i := range m.checks {
		if err := m.checks[i].run(u, r.Field(m.checks[i].field)); err != nil {
			return err
		}
	}
	return nil
}

// Changed returns the indexes in Spec.Fields of what a function has changed in entity since base,
// for Modify, which writes those alone. What is stored alike in both becomes the same in entity too,
// which is then what a read would give: 100 becomes the 100.00 that it was. The values of base
// may go into entity, so that base must not be used afterwards.
//
// Where the function has changed anything, Changed sets updated and runs Validate, whose own changes
// count like those of the function, and then checks and normalizes what differs: a time that is cut to
// the stored one is no change. What is wrong with a field that did not change does not count: the value
// was there before, and Modify does not write it.
func (m *Mapping) Changed(entity, base driver.Record) ([]int, error) {
	if !m.hasChanged(entity, base) {
		m.takeFields(entity, base)
		return nil, nil
	}
	var updated reflect.Value
	if m.updated >= 0 {
		updated = entity.Field(&m.Spec.Fields[m.updated])
		m.setTime(nil, updated, m.now(), false)
	}
	if err := m.validate(nil, entity); err != nil {
		return nil, err
	}
	fields, err := m.changes(entity, base)
	switch {
	case err != nil || m.updated < 0:
		return fields, err
	case len(fields) == 0:
		updated.Set(base.Field(&m.Spec.Fields[m.updated])) // Validate took the function's changes back
		return nil, nil
	}
	return append(fields, m.updated), nil
}

// takeFields gives dst the fields of src. They share what they point at then.
func (m *Mapping) takeFields(dst, src driver.Record) {
	for i := range m.Spec.Fields {
		f := &m.Spec.Fields[i]
		dst.Field(f).Set(src.Field(f))
	}
}

// hasChanged reports whether any field differs.
func (m *Mapping) hasChanged(entity, base driver.Record) bool {
	for i := range m.Spec.Fields {
		if f := &m.Spec.Fields[i]; !m.equal[i](entity.Field(f), base.Field(f)) {
			return true
		}
	}
	return false
}

// Different returns the names of the fields, as Go has them, that are not stored alike in two entities.
func (m *Mapping) Different(a, b driver.Record) (names []string) {
	for i := range m.Spec.Fields {
		if f := &m.Spec.Fields[i]; !m.equal[i](a.Field(f), b.Field(f)) {
			names = append(names, f.Name)
		}
	}
	return names
}

// changes is Changed's comparison, field by field. The updated field is left to its caller.
func (m *Mapping) changes(entity, base driver.Record) ([]int, error) {
	var fields []int
	checks := m.checks
	for i := range m.Spec.Fields {
		f := &m.Spec.Fields[i]
		var run checkFunc
		if len(checks) > 0 && checks[0].field == f {
			run, checks = checks[0].run, checks[1:]
		}
		a, b := entity.Field(f), base.Field(f)
		if i == m.updated {
			continue
		}
		if m.equal[i](a, b) {
			a.Set(b)
			continue
		}
		if f.Generated {
			return nil, &driver.ValueError{Field: f.Name, Problem: generatedProblem}
		}
		if run != nil {
			if err := run(nil, a); err != nil {
				return nil, err
			}
			if m.equal[i](a, b) {
				a.Set(b)
				continue
			}
		}
		fields = append(fields, i)
	}
	return fields, nil
}

// setTime sets a created or updated field, which is a time, a pointer to one, or an sql.Null, for
// Prepare and Changed. With onlyZero it leaves a time that the caller has set; without that, an
// entity that is imported with its times would lose when it was created.
func (m *Mapping) setTime(u *Undo, v reflect.Value, now time.Time, onlyZero bool) {
	now = storedTime(now, m.info.TimePrecision)
	value := reflect.ValueOf(now)
	switch {
	case v.Kind() == reflect.Pointer:
		if onlyZero && !v.IsNil() && !v.Elem().IsZero() {
			return
		}
		p := reflect.New(timeType)
		p.Elem().Set(value)
		value = p
	case v.Type() != timeType:
		if onlyZero && v.Field(1).Bool() {
			return
		}
		null := reflect.New(v.Type()).Elem()
		null.Field(0).Set(value)
		null.Field(1).SetBool(true)
		value = null
	case onlyZero && !v.IsZero():
		return
	}
	u.set(v, value)
}

// validate runs the entity's own Validate, which may normalize fields, and notes in u how to take that
// back. Key and version are not its to change: the write goes to the row that they name. Its error is
// shown: the text is the caller's.
func (m *Mapping) validate(u *Undo, r driver.Record) error {
	if !m.hasValidate {
		return nil
	}
	key, version := m.KeyOf(r), m.Version(r)
	done := func() {}
	if u != nil {
		done = m.watch(u, r)
	}
	if err := r.Pointer().(validator).Validate(); err != nil {
		return err
	}
	done()
	switch {
	case !m.HasKey(r, key):
		m.SetKey(r, key)
		return fmt.Errorf("%s: Validate changed the key", m.Spec.Key.Name)
	case m.Version(r) != version:
		r.Field(&m.Spec.Version).SetInt(version)
		return fmt.Errorf("%s: Validate changed the version", m.Spec.Version.Name)
	}
	return nil
}

// watch notes in u how to take back what Validate is about to do to the fields. Its caller calls done
// when Validate has succeeded: from then on only the fields that it changed are put back, so that what
// the entity's holder does with others stays. What Validate changes in place, inside a map, a slice or
// a pointee, is not put back.
func (m *Mapping) watch(u *Undo, r driver.Record) (done func()) {
	before := make([]reflect.Value, len(m.Spec.Fields))
	restore := make([]bool, len(before))
	for i := range before {
		before[i], restore[i] = copyOf(r.Field(&m.Spec.Fields[i])), true
	}
	u.Add(func() {
		for i := range before {
			if restore[i] {
				r.Field(&m.Spec.Fields[i]).Set(before[i])
			}
		}
	})
	return func() {
		for i := range before {
			restore[i] = !m.equal[i](before[i], r.Field(&m.Spec.Fields[i]))
		}
	}
}

package mapping

import (
	"reflect"
	"slices"
	"time"

	"github.com/stillframe/stillframe/store/driver"
)

// validator is implemented by an entity that checks itself before each write.
type validator interface{ Validate() error }

// Prepare makes an entity ready to be written as a whole, for Insert and Save: it sets updated and,
// for an insert, created, runs Validate, and checks and normalizes each field. It notes in u what it
// changed. On an error it reverts u, so that the entity is as it was.
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
	err := m.validate(r)
	for i := 0; err == nil && i < len(m.checks); i++ {
		err = m.checks[i].run(u, r.Field(m.checks[i].field))
	}
	if err != nil {
		u.Revert()
	}
	return err
}

// Changed returns the indexes in Spec.Fields of what a function has changed in entity since base,
// for Modify, which writes those alone. It normalizes the fields first, so that a time that is cut to
// the stored one is no change. What is wrong with a field that did not change does not count: the
// value was there before, and Modify does not write it. Where there is anything to write, it sets
// updated and runs Validate.
func (m *Mapping) Changed(entity, base driver.Record) ([]int, error) {
	var fields []int
	checks := m.checks
	for i := range m.Spec.Fields {
		f := &m.Spec.Fields[i]
		var run checkFunc
		if len(checks) > 0 && checks[0].field == f {
			run, checks = checks[0].run, checks[1:]
		}
		a, b := entity.Field(f), base.Field(f)
		var problem error
		if run != nil {
			problem = run(nil, a)
		}
		if m.equal[i](a, b) {
			continue
		}
		if problem != nil {
			return nil, problem
		}
		fields = append(fields, i)
	}
	if len(fields) == 0 {
		return nil, nil
	}
	if i := m.updated; i >= 0 {
		m.setTime(nil, entity.Field(&m.Spec.Fields[i]), m.now(), false)
		if !slices.Contains(fields, i) {
			fields = append(fields, i)
		}
	}
	return fields, m.validate(entity)
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

// validate runs the entity's own Validate. Its error is shown: its text is the caller's.
func (m *Mapping) validate(r driver.Record) error {
	if !m.hasValidate {
		return nil
	}
	return r.Pointer().(validator).Validate()
}

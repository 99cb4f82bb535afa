package store

import (
	"reflect"
	"time"

	"github.com/stillframe/stillframe/store/driver"
)

// The functions below read and write the fields of an entity that have a role.

func (m *mapping) keyOf(r driver.Record) any { return r.Field(&m.spec.Key).Interface() }

func (m *mapping) setKey(r driver.Record, key any) { r.Field(&m.spec.Key).Set(reflect.ValueOf(key)) }

func (m *mapping) hasKey(r driver.Record, key any) bool {
	return r.Field(&m.spec.Key).Equal(reflect.ValueOf(key))
}

func (m *mapping) version(r driver.Record) int64 { return r.Field(&m.spec.Version).Int() }

// stamp says on an entity which version it is, and when it was so.
func (m *mapping) stamp(r driver.Record, version int64, at time.Time) {
	r.Field(&m.spec.Version).SetInt(version)
	m.stampReadAt(r, at)
}

func (m *mapping) stampReadAt(r driver.Record, at time.Time) {
	if m.readAt != nil {
		*r.Field(m.readAt).Addr().Interface().(*time.Time) = at
	}
}

func (m *mapping) readAtOf(r driver.Record) time.Time {
	if m.readAt == nil {
		return time.Time{}
	}
	return *r.Field(m.readAt).Addr().Interface().(*time.Time)
}

// checkRead refuses a copy that was never read: its version 0 would match a row without one.
func (m *mapping) checkRead(r driver.Record) error {
	if m.version(r) == 0 && m.readAtOf(r).IsZero() {
		return invalidf("this copy was never read: its version is 0")
	}
	return nil
}

// copyMapped copies every mapped field, and nothing else.
func (m *mapping) copyMapped(dst, src driver.Record) {
	spec := &m.spec
	dst.Field(&spec.Key).Set(src.Field(&spec.Key))
	m.stamp(dst, m.version(src), m.readAtOf(src))
	for i := range spec.Fields {
		f := &spec.Fields[i]
		dst.Field(f).Set(src.Field(f))
	}
}

// frame is what a write changes in an entity besides its times.
type frame struct {
	key     any
	version int64
	readAt  time.Time
}

func (m *mapping) frameOf(r driver.Record) frame {
	return frame{m.keyOf(r), m.version(r), m.readAtOf(r)}
}

func (m *mapping) restoreFrame(r driver.Record, f frame) {
	m.setKey(r, f.key)
	m.stamp(r, f.version, f.readAt)
}

// prepare makes an entity ready to be written as a whole: it sets created and updated, runs
// Validate, and checks and normalizes each field. What it changed can be taken back through u; on
// an error it has taken it back itself.
func (c *call) prepare(u *undoLog, r driver.Record, insert bool) error {
	m := c.repo.mapping
	if created := insert && m.created >= 0; created || m.updated >= 0 {
		now := c.db.now()
		if created {
			c.setTime(u, r.Field(&m.spec.Fields[m.created]), now, true)
		}
		if m.updated >= 0 {
			c.setTime(u, r.Field(&m.spec.Fields[m.updated]), now, false)
		}
	}
	err := c.validate(r)
	for i := 0; err == nil && i < len(m.checks); i++ {
		if e := m.checks[i].run(u, r.Field(m.checks[i].field)); e != nil {
			err = invalid(e)
		}
	}
	if err != nil {
		u.revert()
	}
	return err
}

// setTime sets a created or updated field, which is a time, a pointer to one, or an sql.Null.
func (c *call) setTime(u *undoLog, v reflect.Value, now time.Time, onlyZero bool) {
	now = storedTime(now, c.db.info.TimePrecision)
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

// validate runs the entity's own Validate, whose error is shown: its text is the caller's.
func (c *call) validate(r driver.Record) error {
	if !c.repo.mapping.validated {
		return nil
	}
	if err := r.Pointer().(validator).Validate(); err != nil {
		return invalid(err)
	}
	return nil
}

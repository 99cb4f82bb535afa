package mapping

import (
	"errors"
	"reflect"
	"time"

	"github.com/stillframe/stillframe/store/driver"
)

// The methods below read and write the fields of an entity that have a role.

// KeyOf returns the key of an entity.
func (m *Mapping) KeyOf(r driver.Record) any { return r.Field(&m.Spec.Key).Interface() }

// SetKey sets the key of an entity.
func (m *Mapping) SetKey(r driver.Record, key any) { r.Field(&m.Spec.Key).Set(reflect.ValueOf(key)) }

// HasKey reports whether an entity has the key.
func (m *Mapping) HasKey(r driver.Record, key any) bool {
	return r.Field(&m.Spec.Key).Equal(reflect.ValueOf(key))
}

// Version returns the version of an entity.
func (m *Mapping) Version(r driver.Record) int64 { return r.Field(&m.Spec.Version).Int() }

// Stamp says on an entity which version it is, and when it was so. All its fields are as they are stored.
func (m *Mapping) Stamp(r driver.Record, version int64, at time.Time) {
	m.StampVersion(r, version, at)
	m.stampMark(r)
}

// StampVersion is Stamp for an entity whose fields may not be those that are stored.
func (m *Mapping) StampVersion(r driver.Record, version int64, at time.Time) {
	r.Field(&m.Spec.Version).SetInt(version)
	m.setReadAt(r, at)
}

// StampReadAt says on an entity that was read when it was as it is.
func (m *Mapping) StampReadAt(r driver.Record, at time.Time) {
	m.setReadAt(r, at)
	m.stampMark(r)
}

// setReadAt sets when an entity was as it is, if the type has a field for that.
func (m *Mapping) setReadAt(r driver.Record, at time.Time) {
	if m.readAt != nil {
		*r.Field(m.readAt).Addr().Interface().(*time.Time) = at
	}
}

// ReadAt returns when an entity was as it is, the zero time where the type has no field for that.
func (m *Mapping) ReadAt(r driver.Record) time.Time {
	if m.readAt == nil {
		return time.Time{}
	}
	return *r.Field(m.readAt).Addr().Interface().(*time.Time)
}

// CheckRead returns an error for a copy that was never read or written. Its version is 0, with
// which a write would match a row that holds no version.
func (m *Mapping) CheckRead(r driver.Record) error {
	switch {
	case m.Version(r) != 0 || !m.ReadAt(r).IsZero():
		return nil
	case m.readAt == nil:
		return errors.New("this copy was never read, or its version is 0: the type has no field tagged readat " +
			"by which to tell them apart (give it one, or use Modify)")
	}
	return errors.New("this copy was never read: its version is 0 and its ReadAt zero (read it first; " +
		"store.SnapshotAt is for a copy that a client sends back)")
}

// CopyMapped copies every mapped field, and nothing else.
func (m *Mapping) CopyMapped(dst, src driver.Record) {
	dst.Field(&m.Spec.Key).Set(src.Field(&m.Spec.Key))
	m.StampVersion(dst, m.Version(src), m.ReadAt(src))
	m.TakeMark(dst, src)
	m.takeFields(dst, src)
}

// Identity says which copy an entity is: of what, in which version, read when, with which mark. It is what a write
// changes in an entity besides created, updated and normalized fields.
type Identity struct {
	key     any
	version int64
	readAt  time.Time
	mark    uint64
}

// IdentityOf returns the identity of an entity.
func (m *Mapping) IdentityOf(r driver.Record) Identity {
	return Identity{m.KeyOf(r), m.Version(r), m.ReadAt(r), m.markOf(r)}
}

// SetIdentity gives an entity back the identity that it had.
func (m *Mapping) SetIdentity(r driver.Record, id Identity) {
	m.SetKey(r, id.key)
	m.StampVersion(r, id.version, id.readAt)
	m.setMark(r, id.mark)
}

package mapping

import "reflect"

// Undo collects what puts entities back as they were before a call. The zero Undo holds nothing.
type Undo struct{ steps []func() }

// Add notes one step back.
func (u *Undo) Add(step func()) { u.steps = append(u.steps, step) }

// Join takes over the steps of another, as the newest ones.
func (u *Undo) Join(other *Undo) { u.steps = append(u.steps, other.steps...) }

// Forget drops every step: what was changed stays.
func (u *Undo) Forget() { u.steps = nil }

// Revert takes every step, the newest first, and then holds nothing.
func (u *Undo) Revert() {
	for i := len(u.steps) - 1; i >= 0; i-- {
		u.steps[i]()
	}
	u.steps = nil
}

// set assigns to dst, which is memory of the entity itself, and notes the step back. A nil u notes
// nothing, for a value that its caller throws away when the check fails.
func (u *Undo) set(dst, value reflect.Value) {
	if u != nil {
		old := copyOf(dst)
		u.Add(func() { dst.Set(old) })
	}
	dst.Set(value)
}

// replace is set for a pointer, slice or map, whose old contents may belong to somebody else and are
// never changed. The step back is taken only while dst holds the new one: what the entity's holder has
// put there since is theirs.
func (u *Undo) replace(dst, value reflect.Value) {
	if u != nil {
		old := copyOf(dst)
		u.Add(func() {
			if dst.UnsafePointer() == value.UnsafePointer() {
				dst.Set(old)
			}
		})
	}
	dst.Set(value)
}

// copyOf returns an addressable copy of v. What v points at is shared.
func copyOf(v reflect.Value) reflect.Value {
	c := reflect.New(v.Type()).Elem()
	c.Set(v)
	return c
}

package mapping

import "reflect"

// Undo collects what puts entities back as they were before a call. The zero Undo holds nothing.
type Undo struct{ steps []func() }

// Add notes one step back.
func (u *Undo) Add(step func()) { u.steps = append(u.steps, step) }

// Join takes over the steps of another, as the newest ones.
func (u *Undo) Join(other *Undo) { u.steps = append(u.steps, other.steps...) }

// Revert takes every step, the newest first, and then holds nothing.
func (u *Undo) Revert() {
	for i := len(u.steps) - 1; i >= 0; i-- {
		u.steps[i]()
	}
	u.steps = nil
}

// set assigns to dst and notes the step back. A nil u notes nothing, for a value that its caller
// throws away when the check fails.
func (u *Undo) set(dst, value reflect.Value) {
	if u != nil {
		old := reflect.New(dst.Type()).Elem()
		old.Set(dst)
		u.Add(func() { dst.Set(old) })
	}
	dst.Set(value)
}

// Package backend holds what the backends have in common whatever their database speaks: how Open tells an
// error, which errors mean the same to all of them, and how a native handle is found behind a store.DB.
// The backends import it, and package store never does.
package backend

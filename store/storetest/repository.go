package storetest

import (
	"errors"
	"fmt"

	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/storetest/internal/entity"
)

// repository is a repository over a table of the test's own, with the ways behind its back.
type repository[T any, K comparable] struct {
	*store.Repository[T, K]
	e       *env
	name    string
	columns func(K) Columns
}

// newRepository makes a table. columns gives a key by column; it may be nil for a test that does
// nothing behind the library's back.
func newRepository[T any, K comparable](e *env, name string, columns func(K) Columns) *repository[T, K] {
	e.Helper()
	r := &repository[T, K]{e: e, name: e.table(name), columns: columns}
	r.Repository = r.on(e.db, nil)
	require.NoError(e, r.EnsureSchema(e.ctx))
	return r
}

// on is a repository over the same table through another handle.
func (r *repository[T, K]) on(db *store.DB, o *store.RepositoryOptions) *store.Repository[T, K] {
	r.e.Helper()
	return over[T, K](r.e, db, r.name, o)
}

// at is the same repository for a part of the test.
func (r *repository[T, K]) at(e *env) *repository[T, K] {
	part := *r
	part.e = e
	return &part
}

// over is a repository of another entity type over a table that is there.
func over[T any, K comparable](e *env, db *store.DB, table string, o *store.RepositoryOptions) *store.Repository[T, K] {
	e.Helper()
	r, err := store.NewRepository[T, K](db, table, o)
	require.NoError(e, err)
	return r
}

func (r *repository[T, K]) row(key K) Row {
	return Row{Table: r.name, Key: key, Columns: r.columns(key)}
}

// raw reads a row behind the library's back. It is nil when there is none.
func (r *repository[T, K]) raw(key K) Columns { return r.e.h.Raw.Read(r.e, r.row(key)) }

// set writes columns behind the library's back.
func (r *repository[T, K]) set(key K, columns Columns) { r.e.h.Raw.Set(r.e, r.row(key), columns) }

// unset takes columns away behind the library's back.
func (r *repository[T, K]) unset(key K, columns ...string) {
	r.e.h.Raw.Unset(r.e, r.row(key), columns...)
}

// remove deletes a row behind the library's back.
func (r *repository[T, K]) remove(key K) { r.e.h.Raw.Delete(r.e, r.row(key)) }

// number reads one integer column behind the library's back, -1 where it is NULL or absent.
func (r *repository[T, K]) number(key K, column string) int64 {
	r.e.Helper()
	row := r.raw(key)
	require.NotNil(r.e, row, "the row is gone")
	return integer(r.e, row[column])
}

// integer returns a number that the harness has read, in whichever type its client gives it, and -1 for NULL.
func integer(e *env, v any) int64 {
	e.Helper()
	switch n := v.(type) {
	case nil:
		return -1
	case int64:
		return n
	case int32:
		return int64(n)
	case int:
		return int64(n)
	case float64:
		return int64(n)
	case []byte:
		var i int64
		_, err := fmt.Sscan(string(n), &i)
		require.NoError(e, err)
		return i
	}
	require.FailNow(e, "the harness read an integer column as "+fmt.Sprintf("%T", v))
	return 0
}

// get reads an entity that must be there.
func (r *repository[T, K]) get(key K) T {
	r.e.Helper()
	entity, err := r.Get(r.e.ctx, key)
	require.NoError(r.e, err)
	return entity
}

// gone asserts that there is no such row.
func (r *repository[T, K]) gone(key K) {
	r.e.Helper()
	require.Nil(r.e, r.raw(key), "the row is there")
}

// modify changes an entity from outside the call under test.
func (r *repository[T, K]) modify(key K, fn func(*T)) T {
	r.e.Helper()
	entity, err := r.Modify(r.e.ctx, key, func(entity *T) error { fn(entity); return nil })
	require.NoError(r.e, err)
	return entity
}

// inserted stores an entity and returns it as it is then.
func inserted[T any, K comparable](r *repository[T, K], entity T) T {
	r.e.Helper()
	require.NoError(r.e, r.Insert(r.e.ctx, &entity))
	return entity
}

// errBoom is an error of the caller's own.
var errBoom = errors.New("boom")

// kickoff is a moment with a fraction that every backend must cut.
var kickoff = entity.Kickoff

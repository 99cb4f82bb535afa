// Package store has the signatures that the checks know.
package store

import (
	"context"
	"iter"
)

type (
	DB                              struct{}
	Tx                              struct{}
	Query                           struct{}
	TxOptions                       struct{}
	Repository[T any, K comparable] struct{}
)

func (db *DB) Atomic(ctx context.Context, o *TxOptions, fn func(context.Context, *Tx) error) error { return nil }

func (r *Repository[T, K]) In(tx *Tx) *Repository[T, K]                                  { return r }
func (r *Repository[T, K]) Get(ctx context.Context, key K) (t T, err error)              { return t, nil }
func (r *Repository[T, K]) Find(ctx context.Context, q Query) iter.Seq2[T, error]        { return nil }
func (r *Repository[T, K]) KeyOf(entity T) (key K)                                       { return key }
func (r *Repository[T, K]) Modify(ctx context.Context, key K, fn func(*T) error) (t T, err error) {
	return t, nil
}

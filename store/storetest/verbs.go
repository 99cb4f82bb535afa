package storetest

import (
	"context"

	"github.com/stretchr/testify/assert"

	"github.com/stillframe/stillframe/store"
)

// verb is one call on a repository of accounts, with a key that is there.
type verb struct {
	name  string
	write bool
	call  func(ctx context.Context, r *accountRepository, a *account) error
}

// verbs are all calls of a repository, for tests that hold each of them to the same rule.
var verbs = []verb{
	{"get", false, func(ctx context.Context, r *accountRepository, a *account) error {
		_, err := r.Get(ctx, a.ID)
		return err
	}},
	{"get many", false, func(ctx context.Context, r *accountRepository, a *account) error {
		_, err := r.GetMany(ctx, []int64{a.ID})
		return err
	}},
	{"first", false, func(ctx context.Context, r *accountRepository, _ *account) error {
		_, err := r.First(ctx, store.Query{})
		return err
	}},
	{"find", false, func(ctx context.Context, r *accountRepository, _ *account) error {
		_, err := store.Collect(r.Find(ctx, store.Query{}))
		return err
	}},
	{"page", false, func(ctx context.Context, r *accountRepository, _ *account) error {
		_, _, err := r.Page(ctx, store.Query{})
		return err
	}},
	{"count", false, func(ctx context.Context, r *accountRepository, _ *account) error {
		_, err := r.Count(ctx, store.Query{})
		return err
	}},
	{"reload", false, func(ctx context.Context, r *accountRepository, a *account) error {
		return r.Reload(ctx, a)
	}},
	{"is stale", false, func(ctx context.Context, r *accountRepository, a *account) error {
		_, err := r.IsStale(ctx, *a)
		return err
	}},
	{"insert", true, func(ctx context.Context, r *accountRepository, _ *account) error {
		return r.Insert(ctx, &account{ID: 77})
	}},
	{"insert many", true, func(ctx context.Context, r *accountRepository, _ *account) error {
		return r.InsertMany(ctx, []*account{{ID: 78}})
	}},
	{"save", true, func(ctx context.Context, r *accountRepository, a *account) error {
		return r.Save(ctx, a)
	}},
	{"touch", true, func(ctx context.Context, r *accountRepository, a *account) error {
		return r.Touch(ctx, a)
	}},
	{"modify", true, func(ctx context.Context, r *accountRepository, a *account) error {
		_, err := r.Modify(ctx, a.ID, credit(1))
		return err
	}},
	{"upsert", true, func(ctx context.Context, r *accountRepository, a *account) error {
		_, err := r.Upsert(ctx, a.ID, func(a *account, _ bool) error { a.Amount++; return nil })
		return err
	}},
	{"delete", true, func(ctx context.Context, r *accountRepository, a *account) error {
		return r.Delete(ctx, *a)
	}},
	{"delete key", true, func(ctx context.Context, r *accountRepository, a *account) error {
		return r.DeleteKey(ctx, a.ID)
	}},
}

// refuseAll asserts that each verb is refused as want, without I/O, and leaves its entity alone.
func refuseAll(e *env, ctx context.Context, r *accountRepository, a account, spy *spy, want error) {
	e.Helper()
	for _, v := range verbs {
		mine := a
		spy.take()
		e.only(v.call(ctx, r, &mine), want, v.name)
		assert.Empty(e, spy.take(), "%s: refused before any I/O", v.name)
		assert.Equal(e, a, mine, v.name)
	}
}

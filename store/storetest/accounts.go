package storetest

import (
	"context"
	"fmt"

	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store"
)

// account is a small entity for sums and for what concurrent writers leave behind.
type account struct {
	store.Snapshot `bson:",inline"`

	ID     int64   `db:"id" bson:"_id" store:"key"`
	Amount int64   `db:"amount" bson:"amount"`
	Marks  []int64 `db:"marks" bson:"marks" store:"json"` // the ids of the writes that it holds
}

// accounts is a table of them. accountRepository is what works on it, in a Tx and outside.
type (
	accounts          = repository[account, int64]
	accountRepository = store.Repository[account, int64]
)

func newAccounts(e *env, amounts ...int64) *accounts {
	e.Helper()
	r := newRepository[account](e, "account", byID)
	for i, amount := range amounts {
		inserted(r, account{ID: int64(i + 1), Amount: amount})
	}
	return r
}

func credit(n int64) func(*account) error {
	return func(a *account) error { a.Amount += n; return nil }
}

// amounts reads all accounts behind the library's back.
func amounts(r *accounts, ids ...int64) []int64 {
	r.e.Helper()
	var all []int64
	for _, id := range ids {
		all = append(all, r.number(id, "amount"))
	}
	return all
}

// writeAll makes one of every kind of write on accounts 1 to 3, and inserts 9.
func writeAll(ctx context.Context, in *accountRepository) error {
	if _, err := in.Modify(ctx, 1, credit(1)); err != nil {
		return err
	}
	second, err := in.Get(ctx, 2)
	if err != nil {
		return err
	}
	second.Amount += 2
	if err := in.Save(ctx, &second); err != nil {
		return err
	}
	third, err := in.Get(ctx, 3)
	if err != nil {
		return err
	}
	if err := in.Delete(ctx, third); err != nil {
		return err
	}
	if err := in.Insert(ctx, &account{ID: 9, Amount: 9}); err != nil {
		return err
	}
	_, err = in.Upsert(ctx, 9, func(a *account, _ bool) error { a.Amount++; return nil })
	return err
}

// untouched asserts that nothing of writeAll remains and that no lock does either.
func untouched(e *env, r *accounts) {
	e.Helper()
	require.Equal(e, []int64{10, 20, 30}, amounts(r, 1, 2, 3))
	r.gone(9)
	for id := range int64(3) {
		require.EqualValues(e, 1, r.number(id+1, "version"))
	}
	free(e, r, 1, 2, 3)
}

// free asserts that the rows can be written.
func free(e *env, r *accounts, ids ...int64) {
	e.Helper()
	ctx, cancel := context.WithTimeout(e.ctx, patience)
	defer cancel()
	for _, id := range ids {
		_, err := r.Modify(ctx, id, credit(0))
		require.NoError(e, err)
		a := r.get(id)
		require.NoError(e, r.Touch(ctx, &a), "account %d is locked", id)
		r.set(id, Columns{"version": a.Version - 1})
	}
}

// clash reads an account in a Tx, has another writer change it, and writes it back. The function
// that returns its error runs again, on every backend.
func clash(ctx context.Context, r *accounts, tx *store.Tx, id int64) error {
	a, err := r.In(tx).Get(ctx, id)
	if err != nil {
		return err
	}
	r.modify(id, func(a *account) { a.Amount += 100 })
	a.Amount = -1
	return r.In(tx).Save(ctx, &a)
}

// numbered makes n accounts. They are inserted out of order.
func numbered(e *env, n int) *accounts {
	e.Helper()
	r := newAccounts(e)
	var all []*account
	for i := range n {
		id := int64((i*7)%n + 1)
		if n%7 == 0 {
			id = int64(n - i)
		}
		all = append(all, &account{ID: id, Amount: id % 5})
	}
	if e.info.Transactions {
		require.NoError(e, r.InsertMany(e.ctx, all))
		return r
	}
	for _, a := range all {
		require.NoError(e, r.Insert(e.ctx, a))
	}
	return r
}

func ids(all []account) []int64 {
	var list []int64
	for _, a := range all {
		list = append(list, a.ID)
	}
	return list
}

func upTo(n int64) []int64 {
	var list []int64
	for id := range n {
		list = append(list, id+1)
	}
	return list
}

// transfer moves an amount between two accounts of one table in a Tx. It writes them in either order, so that
// deadlocks happen.
func transfer(ctx context.Context, in *accountRepository, from, to, amount int64) error {
	for id, n := range map[int64]int64{from: -amount, to: amount} {
		if _, err := in.Modify(ctx, id, credit(n)); err != nil {
			return err
		}
	}
	return nil
}

// summing adds up the amounts of accounts, by reads of some kind.
type summing = func(ctx context.Context, in *accountRepository) (int64, error)

// sumByGet reads the first n accounts, one after the other.
func sumByGet(n int64) summing {
	return func(ctx context.Context, in *accountRepository) (sum int64, err error) {
		for id := range n {
			a, err := in.Get(ctx, id+1)
			if err != nil {
				return 0, err
			}
			sum += a.Amount
		}
		return sum, nil
	}
}

// sumInView returns an error when a View does not show the whole sum. It fails no test, since it runs on any
// goroutine.
func sumInView(ctx context.Context, db *store.DB, r *accounts, sum summing, want int64) error {
	var have int64
	err := db.View(ctx, nil, func(ctx context.Context, tx *store.Tx) (err error) {
		have, err = sum(ctx, r.In(tx))
		return err
	})
	if err == nil && have != want {
		err = fmt.Errorf("a torn sum: %d, want %d", have, want)
	}
	return err
}

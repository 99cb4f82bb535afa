package sqlserver_test

import (
	"context"
	"database/sql"
	"fmt"
	"log"

	"github.com/stillframe/stillframe/sqlserver"
	"github.com/stillframe/stillframe/store"
)

type account struct {
	store.Snapshot
	ID      int64 `db:"id" store:"key"`
	Balance int64 `db:"balance"`
}

func ExampleOpen() {
	ctx := context.Background()
	db, err := sqlserver.Open(ctx, "sqlserver://user:password@localhost:1433?database=game", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	accounts, err := store.NewRepository[account, int64](db, "dbo.accounts", nil)
	if err != nil {
		log.Fatal(err)
	}
	a, err := accounts.Modify(ctx, 7, func(a *account) error { a.Balance += 100; return nil })
	fmt.Println(a.Balance, a.Version, err)
}

// A pool that the program has already. Settings that the guarantees need and that are not so are named, each with
// what to do about it.
func ExampleNew() {
	ctx := context.Background()
	pool, err := sql.Open("sqlserver", "sqlserver://user:password@localhost:1433?database=game&encrypt=true")
	if err != nil {
		log.Fatal(err)
	}
	defer pool.Close()
	db, err := sqlserver.New(ctx, pool, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(db.Info().Server)
}

// sqlx for what a repository does not do, in a transaction of its own and in that of Atomic.
func ExampleNative() {
	ctx := context.Background()
	db, err := sqlserver.Open(ctx, "sqlserver://user:password@localhost:1433?database=game", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	var total int64
	if pool, ok := sqlserver.Native(db); ok {
		err = pool.GetContext(ctx, &total, "SELECT SUM(balance) FROM dbo.accounts")
	}
	fmt.Println(total, err)

	err = db.Atomic(ctx, nil, func(ctx context.Context, tx *store.Tx) error {
		native, ok := sqlserver.NativeTx(tx)
		if !ok {
			return store.ErrUnsupported
		}
		// A raw write moves the version, so that those who hold a copy notice.
		_, err := native.ExecContext(ctx,
			"UPDATE dbo.accounts SET balance = 0, version = version + 1 WHERE balance < @p1", 0)
		return err
	})
	fmt.Println(err)
}

func ExampleWhere() {
	ctx := context.Background()
	db, err := sqlserver.Open(ctx, "sqlserver://user:password@localhost:1433?database=game", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	accounts := store.MustRepository[account, int64](db, "dbo.accounts", nil)
	for a, err := range accounts.Find(ctx, sqlserver.Where("balance % @p1 = 0", 100).OrderByDesc("Balance")) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(a.ID, a.Balance, "version", a.Version)
	}
}

package mysql_test

import (
	"context"
	"database/sql"
	"fmt"
	"log"

	"github.com/stillframe/stillframe/mysql"
	"github.com/stillframe/stillframe/store"
)

type account struct {
	store.Snapshot
	ID      int64 `db:"id" store:"key"`
	Balance int64 `db:"balance"`
}

func ExampleOpen() {
	ctx := context.Background()
	db, err := mysql.Open(ctx, "user:password@tcp(localhost:3306)/game", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	accounts, err := store.NewRepository[account, int64](db, "accounts", nil)
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
	pool, err := sql.Open("mysql", "user:password@tcp(localhost:3306)/game?parseTime=true&charset=utf8mb4"+
		"&time_zone=%27%2B00%3A00%27&innodb_lock_wait_timeout=3")
	if err != nil {
		log.Fatal(err)
	}
	defer pool.Close()
	db, err := mysql.New(ctx, pool, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(db.Info().Server)
}

// sqlx for what a repository does not do, in a transaction of its own and in that of Atomic.
func ExampleNative() {
	ctx := context.Background()
	db, err := mysql.Open(ctx, "user:password@tcp(localhost:3306)/game", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	var total int64
	if pool, ok := mysql.Native(db); ok {
		err = pool.GetContext(ctx, &total, "SELECT SUM(balance) FROM accounts")
	}
	fmt.Println(total, err)

	err = db.Atomic(ctx, nil, func(ctx context.Context, tx *store.Tx) error {
		native, ok := mysql.NativeTx(tx)
		if !ok {
			return store.ErrUnsupported
		}
		// A raw write moves the version, so that those who hold a copy notice.
		_, err := native.ExecContext(ctx, "UPDATE accounts SET balance = 0, version = version + 1 WHERE balance < ?", 0)
		return err
	})
	fmt.Println(err)
}

func ExampleWhere() {
	ctx := context.Background()
	db, err := mysql.Open(ctx, "user:password@tcp(localhost:3306)/game", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	accounts := store.MustRepository[account, int64](db, "accounts", nil)
	for a, err := range accounts.Find(ctx, mysql.Where("balance % ? = 0", 100).OrderByDesc("Balance")) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(a.ID, a.Balance, "version", a.Version)
	}
}

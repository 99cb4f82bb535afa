package store_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/memstore"
)

// Club is stored in SQL by its db tags and in MongoDB by its bson tags.
type Club struct {
	store.Snapshot `bson:",inline"`
	ID             int64  `db:"id" bson:"_id" store:"key"`
	Name           string `db:"name" bson:"name" store:"size=60,unique"`
	Balance        int64  `db:"balance" bson:"balance"`
	Captain        *int64 `db:"captain" bson:"captain"`
}

// Validate runs before each write.
func (c Club) Validate() error {
	if c.Balance < -1000 {
		return errors.New("a club cannot owe more than 1000")
	}
	return nil
}

// open returns a database with three clubs.
func open() (*store.DB, *store.Repository[Club, int64]) {
	db := memstore.Open(nil)
	clubs := store.MustRepository[Club, int64](db, "clubs", nil)
	captain := int64(9)
	err := clubs.InsertMany(context.Background(), []*Club{
		{ID: 7, Name: "Leicester City", Balance: 100, Captain: &captain},
		{ID: 8, Name: "Arsenal FC", Balance: 300},
		{ID: 9, Name: "Stoke City", Balance: -50},
	})
	if err != nil {
		log.Fatal(err)
	}
	return db, clubs
}

var ctx = context.Background()

// A copy that was read is a still frame: another's write does not reach it until it is reloaded.
func Example() {
	_, clubs := open()

	mine, err := clubs.Get(ctx, 7)
	if err != nil {
		log.Fatal(err)
	}
	// Somebody else pays the club.
	if _, err := clubs.Modify(ctx, 7, func(c *Club) error { c.Balance += 50; return nil }); err != nil {
		log.Fatal(err)
	}

	fmt.Println("mine:", mine.Balance, "version", mine.Version)
	mine.Balance -= 20
	fmt.Println(clubs.Save(ctx, &mine))

	if err := clubs.Reload(ctx, &mine); err != nil {
		log.Fatal(err)
	}
	fmt.Println("reloaded:", mine.Balance, "version", mine.Version)
	// Output:
	// mine: 100 version 1
	// store: save clubs "7": version conflict (have 1, stored 2)
	// reloaded: 150 version 2
}

func ExampleNewRepository() {
	type Broken struct {
		ID   string `db:"id" store:"key,auto"`
		Home chan int
	}
	_, err := store.NewRepository[Broken, string](memstore.Open(nil), "broken", nil)
	fmt.Println(err)
	// Output:
	// store: map broken: invalid: store_test.Broken.ID: is tagged auto, and no database makes keys that are strings
	// invalid: store_test.Broken.Home: has type chan int, which cannot be stored
	// invalid: store_test.Broken: no field is the version: embed store.Snapshot, or tag an int64 with store:"version"
}

func ExampleRepository_Get() {
	_, clubs := open()
	club, err := clubs.Get(ctx, 8)
	fmt.Println(club.Name, club.Version, err)
	_, err = clubs.Get(ctx, 1)
	fmt.Println(err)
	// Output:
	// Arsenal FC 1 <nil>
	// store: get clubs "1": not found
}

func ExampleRepository_GetMany() {
	_, clubs := open()
	found, err := clubs.GetMany(ctx, []int64{7, 8, 1000})
	_, there := found[1000]
	fmt.Println(len(found), found[7].Name, there, err)
	// Output: 2 Leicester City false <nil>
}

func ExampleRepository_Find() {
	_, clubs := open()
	for club, err := range clubs.Find(ctx, store.Where("Balance", store.Gt, 0).OrderByDesc("Balance")) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(club.Name, club.Balance)
	}
	// Output:
	// Arsenal FC 300
	// Leicester City 100
}

func ExampleCollect() {
	_, clubs := open()
	all, err := store.Collect(clubs.Find(ctx, store.Query{}))
	fmt.Println(len(all), err)
	// Output: 3 <nil>
}

func ExampleRepository_First() {
	_, clubs := open()
	poorest, err := clubs.First(ctx, store.Query{}.OrderBy("Balance"))
	fmt.Println(poorest.Name, err)
	// Output: Stoke City <nil>
}

func ExampleRepository_Page() {
	_, clubs := open()
	byName := store.Query{}.OrderBy("Name").Limit(2)
	page, next, err := clubs.Page(ctx, byName)
	fmt.Println(page[0].Name, "-", page[1].Name, next != "", err)
	page, next, err = clubs.Page(ctx, byName.From(next))
	fmt.Println(page[0].Name, next != "", err)
	// Output:
	// Arsenal FC - Leicester City true <nil>
	// Stoke City false <nil>
}

func ExampleRepository_Count() {
	_, clubs := open()
	n, err := clubs.Count(ctx, store.Where("Captain", store.Eq, nil))
	fmt.Println(n, err)
	// Output: 2 <nil>
}

func ExampleRepository_Reload() {
	_, clubs := open()
	club, _ := clubs.Get(ctx, 7)
	_, _ = clubs.Modify(ctx, 7, func(c *Club) error { c.Captain = nil; return nil })
	err := clubs.Reload(ctx, &club)
	fmt.Println(club.Captain == nil, club.Version, err)
	// Output: true 2 <nil>
}

func ExampleRepository_IsStale() {
	_, clubs := open()
	club, _ := clubs.Get(ctx, 7)
	stale, err := clubs.IsStale(ctx, club)
	fmt.Println(stale, err)
	_, _ = clubs.Modify(ctx, 7, func(c *Club) error { c.Balance++; return nil })
	stale, err = clubs.IsStale(ctx, club)
	fmt.Println(stale, err)
	// Output:
	// false <nil>
	// true <nil>
}

func ExampleRepository_Insert() {
	_, clubs := open()
	club := Club{ID: 10, Name: "Everton FC"}
	fmt.Println(clubs.Insert(ctx, &club), club.Version)

	again := Club{ID: 11, Name: "Everton FC"}
	err := clubs.Insert(ctx, &again)
	fmt.Println(err)
	fmt.Println(errors.Is(err, store.ErrExists), again.Version)
	// Output:
	// <nil> 1
	// store: insert clubs "11": already exists (constraint clubs_name)
	// true 0
}

func ExampleRepository_InsertMany() {
	_, clubs := open()
	err := clubs.InsertMany(ctx, []*Club{{ID: 10, Name: "Everton FC"}, {ID: 7, Name: "Watford FC"}})
	n, _ := clubs.Count(ctx, store.Query{})
	fmt.Println(errors.Is(err, store.ErrExists), n)
	// Output: true 3
}

func ExampleRepository_Save() {
	_, clubs := open()
	first, _ := clubs.Get(ctx, 7)
	second := first
	first.Balance, second.Balance = 1, 2
	fmt.Println(clubs.Save(ctx, &first), first.Version)

	err := clubs.Save(ctx, &second)
	if conflict, ok := errors.AsType[*store.ConflictError](err); ok {
		fmt.Println("have", conflict.Expected, "stored", conflict.Actual)
	}
	// Output:
	// <nil> 2
	// have 1 stored 2
}

func ExampleRepository_Delete() {
	_, clubs := open()
	club, _ := clubs.Get(ctx, 9)
	_, _ = clubs.Modify(ctx, 9, func(c *Club) error { c.Balance = 0; return nil })
	fmt.Println(clubs.Delete(ctx, club))
	fmt.Println(clubs.Reload(ctx, &club), clubs.Delete(ctx, club))
	// Output:
	// store: delete clubs "9": version conflict (have 1, stored 2)
	// <nil> <nil>
}

func ExampleRepository_DeleteKey() {
	_, clubs := open()
	fmt.Println(clubs.DeleteKey(ctx, 9))
	fmt.Println(clubs.DeleteKey(ctx, 9))
	// Output:
	// <nil>
	// store: delete key clubs "9": not found
}

func ExampleRepository_Modify() {
	_, clubs := open()
	club, err := clubs.Modify(ctx, 7, func(c *Club) error {
		c.Balance -= 30
		return nil
	})
	fmt.Println(club.Balance, club.Version, err)

	// Nothing changed, so nothing is written.
	club, err = clubs.Modify(ctx, 7, func(*Club) error { return nil })
	fmt.Println(club.Version, err)
	// Output:
	// 70 2 <nil>
	// 2 <nil>
}

func ExampleRepository_Upsert() {
	_, clubs := open()
	pay := func(c *Club, found bool) error {
		if !found {
			c.Name = "Watford FC"
		}
		c.Balance += 10
		return nil
	}
	club, err := clubs.Upsert(ctx, 12, pay)
	fmt.Println(club.Balance, club.Version, err)
	club, err = clubs.Upsert(ctx, 12, pay)
	fmt.Println(club.Balance, club.Version, err)
	// Output:
	// 10 1 <nil>
	// 20 2 <nil>
}

// The loan rests on the lender's balance, which is only read. Touch makes the transaction fail
// where another has changed the lender meanwhile.
func ExampleRepository_Touch() {
	db, clubs := open()
	err := db.Atomic(ctx, nil, func(ctx context.Context, tx *store.Tx) error {
		lender, err := clubs.In(tx).Get(ctx, 8)
		if err != nil {
			return err
		}
		if err := clubs.In(tx).Touch(ctx, &lender); err != nil {
			return err
		}
		_, err = clubs.In(tx).Modify(ctx, 9, func(c *Club) error {
			c.Balance += lender.Balance / 10
			return nil
		})
		return err
	})
	lender, _ := clubs.Get(ctx, 8)
	fmt.Println(lender.Balance, lender.Version, err)
	// Output: 300 2 <nil>
}

func ExampleDB_Atomic() {
	db, clubs := open()
	transfer := func(from, to, amount int64) error {
		return db.Atomic(ctx, nil, func(ctx context.Context, tx *store.Tx) error {
			clubs := clubs.In(tx)
			if _, err := clubs.Modify(ctx, from, func(c *Club) error { c.Balance -= amount; return nil }); err != nil {
				return err
			}
			_, err := clubs.Modify(ctx, to, func(c *Club) error { c.Balance += amount; return nil })
			return err
		})
	}
	fmt.Println(transfer(8, 9, 100))
	fmt.Println(transfer(8, 1000, 100))
	club, _ := clubs.Get(ctx, 8)
	fmt.Println(club.Balance)
	// Output:
	// <nil>
	// store: modify clubs "1000": not found
	// 200
}

func ExampleDB_View() {
	db, clubs := open()
	var sum int64
	err := db.View(ctx, nil, func(ctx context.Context, tx *store.Tx) error {
		sum = 0 // the function may run again
		for club, err := range clubs.In(tx).Find(ctx, store.Query{}) {
			if err != nil {
				return err
			}
			sum += club.Balance
		}
		return nil
	})
	fmt.Println(sum, err)
	// Output: 350 <nil>
}

func ExampleTx_OnCommit() {
	db, clubs := open()
	rename := func(id int64, name string) error {
		return db.Atomic(ctx, nil, func(ctx context.Context, tx *store.Tx) error {
			tx.OnCommit(func() { fmt.Println("renamed", id) })
			_, err := clubs.In(tx).Modify(ctx, id, func(c *Club) error { c.Name = name; return nil })
			return err
		})
	}
	fmt.Println(rename(9, "Stoke"))
	fmt.Println(rename(9, "Arsenal FC"))
	// Output:
	// renamed 9
	// <nil>
	// store: modify clubs "9": already exists (constraint clubs_name)
}

func ExampleWhere() {
	_, clubs := open()
	for _, q := range []store.Query{
		store.Where("Name", store.Prefix, "L").And("Balance", store.Ge, 100),
		store.AnyOf(store.Where("ID", store.In, []int64{8, 9}), store.Where("Captain", store.Ne, nil)),
		store.AllOf(store.Where("Balance", store.Lt, 0), store.Where("Captain", store.Eq, nil)),
		store.Not(store.Where("Captain", store.Eq, 9)),
	} {
		n, err := clubs.Count(ctx, q)
		fmt.Println(n, err)
	}
	_, err := clubs.Count(ctx, store.Where("Balance", store.Lt, "much"))
	fmt.Println(err)
	// Output:
	// 1 <nil>
	// 3 <nil>
	// 1 <nil>
	// 2 <nil>
	// store: count clubs: invalid: Balance: a value of type string does not convert to int64
}

func ExampleRepository_CheckSchema() {
	_, clubs := open()
	fmt.Println(clubs.EnsureSchema(ctx))
	differences, err := clubs.CheckSchema(ctx)
	fmt.Println(len(differences), err)
	// Output:
	// <nil>
	// 0 <nil>
}

func ExampleMayHaveHappened() {
	db := memstore.Open(&memstore.Options{Fault: func(_ context.Context, c memstore.Call) error {
		if c.Op == "commit" {
			return memstore.ErrLostAfter // the commit happens, its answer is lost
		}
		return nil
	}})
	clubs := store.MustRepository[Club, int64](db, "clubs", nil)
	club := Club{ID: 7, Name: "Leicester City"}
	err := db.Atomic(ctx, nil, func(ctx context.Context, tx *store.Tx) error {
		return clubs.In(tx).Insert(ctx, &club)
	})
	fmt.Println(store.MayHaveHappened(err), store.Retryable(err), club.Version)
	// Output: true false 0
}

// A write that Validate refuses is ErrInvalid, with Validate's own error in it.
func Example_validate() {
	_, clubs := open()
	_, err := clubs.Modify(ctx, 7, func(c *Club) error { c.Balance = -5000; return nil })
	fmt.Println(errors.Is(err, store.ErrInvalid), err)
	// Output: true store: modify clubs "7": invalid: a club cannot owe more than 1000
}

// A test with Rehearse shows that a function cannot be run again: here it counts its own runs.
func ExampleOptions_rehearse() {
	_, clubs := open()
	rehearsed := memstore.Open(&memstore.Options{Store: store.Options{Rehearse: true}})
	fees := store.MustRepository[Club, int64](rehearsed, "clubs", nil)
	if err := fees.Insert(ctx, &Club{ID: 7, Name: "Leicester City", Balance: 100}); err != nil {
		log.Fatal(err)
	}

	for _, repository := range []*store.Repository[Club, int64]{clubs, fees} {
		paid := 0
		club, err := repository.Modify(ctx, 7, func(c *Club) error {
			c.Balance -= 10
			paid += 10 // wrong: it belongs after Modify
			return nil
		})
		fmt.Println(club.Balance, paid, err)
	}
	// Output:
	// 90 10 <nil>
	// 90 20 <nil>
}

package mongo_test

import (
	"context"
	"fmt"
	"log"

	"go.mongodb.org/mongo-driver/v2/bson"
	mongodriver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/stillframe/stillframe/mongo"
	"github.com/stillframe/stillframe/store"
)

type account struct {
	store.Snapshot `bson:",inline"`
	ID             int64 `bson:"_id" store:"key"`
	Balance        int64 `bson:"balance"`
}

func ExampleOpen() {
	ctx := context.Background()
	db, err := mongo.Open(ctx, "mongodb://localhost:27017", "game", nil)
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

// A client that the program has already.
func ExampleNew() {
	ctx := context.Background()
	client, err := mongodriver.Connect(options.Client().ApplyURI("mongodb://localhost:27017"))
	if err != nil {
		log.Fatal(err)
	}
	defer client.Disconnect(ctx)
	db, err := mongo.New(ctx, client, "game", nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(db.Info().Server)
}

// The driver for what a repository does not do, alone and in the transaction of Atomic.
func ExampleNative() {
	ctx := context.Background()
	db, err := mongo.Open(ctx, "mongodb://localhost:27017", "game", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	native, ok := mongo.Native(db)
	if !ok {
		log.Fatal(store.ErrUnsupported)
	}
	n, err := native.Collection("accounts").EstimatedDocumentCount(ctx)
	fmt.Println(n, err)

	err = db.Atomic(ctx, nil, func(ctx context.Context, tx *store.Tx) error {
		inTx, ok := mongo.NativeContext(ctx, tx)
		if !ok {
			return store.ErrUnsupported
		}
		// A raw write moves the version, so that those who hold a copy notice.
		_, err := native.Collection("accounts").UpdateMany(inTx,
			bson.D{{Key: "balance", Value: bson.D{{Key: "$lt", Value: 0}}}},
			bson.D{
				{Key: "$set", Value: bson.D{{Key: "balance", Value: 0}}},
				{Key: "$inc", Value: bson.D{{Key: "version", Value: 1}}},
			})
		return err
	})
	fmt.Println(err)
}

func ExampleWhere() {
	ctx := context.Background()
	db, err := mongo.Open(ctx, "mongodb://localhost:27017", "game", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	accounts := store.MustRepository[account, int64](db, "accounts", nil)
	rich := mongo.Where(bson.D{{Key: "balance", Value: bson.D{{Key: "$mod", Value: bson.A{100, 0}}}}})
	for a, err := range accounts.Find(ctx, rich.OrderByDesc("Balance")) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(a.ID, a.Balance, "version", a.Version)
	}
}

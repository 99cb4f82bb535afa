package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"

	"github.com/stillframe/stillframe/mongo"
	"github.com/stillframe/stillframe/mysql"
	"github.com/stillframe/stillframe/store"
)

// Club is a row in MySQL by its db tags and a document in MongoDB by its bson tags.
type Club struct {
	store.Snapshot `bson:",inline"` // its version, and when this copy was read
	ID             int64            `db:"id" bson:"_id" store:"key"`
	Name           string           `db:"name" bson:"name" store:"size=60,unique"`
	Balance        int64            `db:"balance" bson:"balance"`
}

func main() {
	ctx := context.Background()
	rows, err := mysql.Open(ctx, os.Getenv("MYSQL"), nil) // user:password@tcp(localhost:3306)/game
	check(err)
	documents, err := mongo.Open(ctx, os.Getenv("MONGO"), "game", nil) // mongodb://localhost:27017
	check(err)
	for _, db := range []*store.DB{rows, documents} {
		clubs := store.MustRepository[Club, int64](db, "clubs", nil)
		check(clubs.EnsureSchema(ctx)) // in production: clubs.DDL(), for your migration tool
		err := clubs.Insert(ctx, &Club{ID: 7, Name: "Leicester City", Balance: 500})
		if !errors.Is(err, store.ErrExists) {
			check(err)
		}
		club, err := clubs.Modify(ctx, 7, func(c *Club) error { c.Balance -= 100; return nil })
		check(err)
		fmt.Println(db.Info().Name, "balance", club.Balance, "version", club.Version)
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

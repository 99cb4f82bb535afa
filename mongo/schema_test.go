package mongo_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"
	mongodriver "go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/stillframe/stillframe/internal/testbed"
	"github.com/stillframe/stillframe/mongo"
	"github.com/stillframe/stillframe/store"
)

type seat struct {
	Row    string `bson:"row"`
	Number int64  `bson:"number"`
}

type ticket struct {
	store.Snapshot `bson:",inline"`

	ID    seat     `bson:"_id" store:"key"`
	Code  *string  `bson:"code" store:"unique,size=20"`
	Name  string   `bson:"name" store:"index,size=10"`
	Price string   `bson:"price" store:"decimal=9.2"`
	Buyer [16]byte `bson:"buyer"`
}

// mend runs the statements of a fix as mongosh would.
func mend(t *testing.T, db *mongodriver.Database, fix []string) {
	t.Helper()
	require.NotEmpty(t, fix)
	for _, text := range fix {
		text = strings.TrimPrefix(text, "db.")
		target := db
		text, admin := strings.CutPrefix(text, "adminCommand(")
		if admin {
			target = db.Client().Database("admin")
		}
		text = strings.TrimSuffix(strings.TrimPrefix(text, "runCommand("), ")")
		if quoted, ok := strings.CutPrefix(text, "EJSON.parse("); ok {
			require.NoError(t, json.Unmarshal([]byte(strings.TrimSuffix(quoted, ")")), &text))
		}
		var command bson.D
		require.NoError(t, bson.UnmarshalExtJSON([]byte(text), false, &command), text)
		require.NoError(t, target.RunCommand(t.Context(), command).Err(), text)
	}
}

// TestEachFixMends breaks a collection in every way that CheckSchema finds, and runs what it says.
func TestEachFixMends(t *testing.T) {
	t.Parallel()
	set := testbed.Mongo(t)
	for name, spoil := range map[string]func(c *mongodriver.Collection) any{
		"Missing": func(c *mongodriver.Collection) any { return c.Drop(t.Context()) },
		"Index":   func(c *mongodriver.Collection) any { return c.Indexes().DropOne(t.Context(), "tickets_name") },
		"UniqueIndex": func(c *mongodriver.Collection) any {
			return c.Indexes().DropOne(t.Context(), "tickets_code")
		},
		"IndexOfOtherFields": func(c *mongodriver.Collection) any {
			if err := c.Indexes().DropOne(t.Context(), "tickets_name"); err != nil {
				return err
			}
			index := doc("key", doc("price", 1), "name", "tickets_name")
			command := doc("createIndexes", c.Name(), "indexes", bson.A{index})
			return c.Database().RunCommand(t.Context(), command).Err()
		},
		"IndexNotUnique": func(c *mongodriver.Collection) any {
			if err := c.Indexes().DropOne(t.Context(), "tickets_code"); err != nil {
				return err
			}
			index := doc("key", doc("code", 1), "name", "tickets_code")
			command := doc("createIndexes", c.Name(), "indexes", bson.A{index})
			return c.Database().RunCommand(t.Context(), command).Err()
		},
		"IndexCollation": func(c *mongodriver.Collection) any {
			if err := c.Indexes().DropOne(t.Context(), "tickets_name"); err != nil {
				return err
			}
			index := doc("key", doc("name", 1), "name", "tickets_name", "collation", doc("locale", "fr"))
			command := doc("createIndexes", c.Name(), "indexes", bson.A{index})
			return c.Database().RunCommand(t.Context(), command).Err()
		},
		"Collation": func(c *mongodriver.Collection) any {
			if err := c.Drop(t.Context()); err != nil {
				return err
			}
			return c.Database().RunCommand(t.Context(), doc("create", c.Name(), "collation", doc("locale", "fr"))).Err()
		},
		"Validator": func(c *mongodriver.Collection) any {
			return c.Database().RunCommand(t.Context(), doc("collMod", c.Name(), "validator", bson.D{})).Err()
		},
		"Version": func(c *mongodriver.Collection) any {
			_, err := c.UpdateMany(t.Context(), bson.D{}, doc("$unset", doc("version", "")))
			return err
		},
		"Type": func(c *mongodriver.Collection) any {
			command := bson.D{
				{Key: "update", Value: c.Name()},
				{Key: "updates", Value: bson.A{doc("q", bson.D{}, "u", doc("$set", doc("price", "12.50")))}},
				{Key: "bypassDocumentValidation", Value: true},
			}
			return c.Database().RunCommand(t.Context(), command).Err()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := open(t, set.URI(), set.Database(t), &mongo.Options{Validators: true})
			native, _ := mongo.Native(db)
			r, err := store.NewRepository[ticket, seat](db, "tickets", nil)
			require.NoError(t, err)
			require.NoError(t, r.EnsureSchema(t.Context()))
			require.NoError(t, r.Insert(t.Context(), &ticket{ID: seat{"A", 1}, Price: "1"}))
			differences, err := r.CheckSchema(t.Context())
			require.NoError(t, err)
			require.Empty(t, differences)

			require.Nil(t, spoil(native.Collection("tickets")))
			differences, err = r.CheckSchema(t.Context())
			require.NoError(t, err)
			require.NotEmpty(t, differences)
			for _, d := range differences {
				t.Log(d)
				if len(differences) == 1 || d.Name == "" {
					mend(t, native, d.Statements)
					break // one mended collection mends what is in it
				}
			}
			differences, err = r.CheckSchema(t.Context())
			require.NoError(t, err)
			for _, d := range differences { // a copied collection has no validator yet
				mend(t, native, d.Statements)
			}
			differences, err = r.CheckSchema(t.Context())
			require.NoError(t, err)
			require.Empty(t, differences)
		})
	}
}

func TestCheckNamesWhatNoStatementMends(t *testing.T) {
	t.Parallel()
	set := testbed.Mongo(t)
	db := open(t, set.URI(), set.Database(t), nil)
	native, _ := mongo.Native(db)
	r, err := store.NewRepository[ticket, seat](db, "tickets", nil)
	require.NoError(t, err)
	require.NoError(t, r.EnsureSchema(t.Context()))
	_, err = native.Collection("tickets").InsertOne(t.Context(), bson.D{
		{Key: "_id", Value: bson.D{{Key: "row", Value: 5}, {Key: "number", Value: 1}}},
		{Key: "version", Value: 1},
		{Key: "name", Value: bson.A{"a", "b"}},
		{Key: "buyer", Value: bson.Binary{Subtype: 0, Data: make([]byte, 16)}},
	})
	require.NoError(t, err)
	differences, err := r.CheckSchema(t.Context())
	require.NoError(t, err)
	var names []string
	for _, d := range differences {
		names = append(names, d.Name)
	}
	assert.ElementsMatch(t, []string{"_id.row", "name", "buyer"}, names)
}

func TestValidatorRefuses(t *testing.T) {
	t.Parallel()
	set := testbed.Mongo(t)
	db := open(t, set.URI(), set.Database(t), &mongo.Options{Validators: true})
	native, _ := mongo.Native(db)
	r, err := store.NewRepository[ticket, seat](db, "tickets", nil)
	require.NoError(t, err)
	require.NoError(t, r.EnsureSchema(t.Context()))
	require.NoError(t, r.Insert(t.Context(), &ticket{ID: seat{"A", 1}, Price: "1"}))
	command := doc("collMod", "tickets", "validator", doc("name", "only this"))
	require.NoError(t, native.RunCommand(t.Context(), command).Err())
	err = r.Insert(t.Context(), &ticket{ID: seat{"A", 2}, Price: "1"})
	require.ErrorIs(t, err, store.ErrInvalid)
	assert.Contains(t, err.Error(), "121")
	assert.NotContains(t, err.Error(), "only this")
}

// A unique index that leaves NULL out serves queries for a value all the same.
func TestQueriesUseTheIndexes(t *testing.T) {
	t.Parallel()
	set := testbed.Mongo(t)
	db := open(t, set.URI(), set.Database(t), nil)
	native, _ := mongo.Native(db)
	r, err := store.NewRepository[ticket, seat](db, "tickets", nil)
	require.NoError(t, err)
	require.NoError(t, r.EnsureSchema(t.Context()))
	for name, filter := range map[string]bson.D{
		"tickets_code": doc("code", doc("$eq", "x", "$not", doc("$type", "array"))),
		"tickets_name": doc("name", doc("$gte", "x", "$lt", "y", "$not", doc("$type", "array"))),
		"key_parts":    doc("_id.row", doc("$eq", "A", "$not", doc("$type", "array"))),
	} {
		var plan bson.Raw
		require.NoError(t, native.RunCommand(t.Context(), bson.D{{Key: "explain", Value: bson.D{
			{Key: "find", Value: "tickets"},
			{Key: "filter", Value: filter},
			{Key: "collation", Value: doc("locale", "simple")},
		}}}).Decode(&plan))
		assert.Contains(t, plan.Lookup("queryPlanner", "winningPlan").String(), name)
	}
}

// TestCombinedValidator names the validator of a collection whose calls may share a write.
func TestCombinedValidator(t *testing.T) {
	set := testbed.Mongo(t)
	db, err := mongo.Open(t.Context(), set.URI(), set.Database(t), nil)
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	native, _ := mongo.Native(db)
	type purse struct {
		store.Snapshot `bson:",inline"`
		ID             int64 `bson:"_id" store:"key"`
		Gold           int64 `bson:"gold"`
	}
	for name, combine := range map[string]bool{"purses": false, "shared": true} {
		r := store.MustRepository[purse, int64](db, name, &store.RepositoryOptions{Combine: combine})
		require.NoError(t, r.EnsureSchema(t.Context()))
		told := func() (n int) {
			differences, err := r.CheckSchema(t.Context())
			require.NoError(t, err)
			for _, d := range differences {
				if strings.Contains(d.Problem, "Combine") {
					n++
				}
			}
			return n
		}
		assert.Zero(t, told(), name)
		require.NoError(t, native.RunCommand(t.Context(), bson.D{
			{Key: "collMod", Value: name},
			{Key: "validator", Value: bson.D{{Key: "gold", Value: bson.D{{Key: "$gte", Value: 0}}}}},
		}).Err())
		assert.Equal(t, combine, told() == 1, name)
	}
}

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
		require.NoError(t, run(t, db, text), text)
	}
}

// run runs one statement.
func run(t *testing.T, db *mongodriver.Database, text string) error {
	t.Helper()
	text, isAdmin := strings.CutPrefix(text, "db.adminCommand(")
	if isAdmin {
		db = db.Client().Database("admin")
	}
	text = strings.TrimSuffix(strings.TrimPrefix(text, "db.runCommand("), ")")
	if quoted, ok := strings.CutPrefix(text, "EJSON.parse("); ok {
		require.NoError(t, json.Unmarshal([]byte(strings.TrimSuffix(quoted, ")")), &text))
	}
	var command bson.D
	require.NoError(t, bson.UnmarshalExtJSON([]byte(text), false, &command), text)
	return db.RunCommand(t.Context(), command).Err()
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
				mend(t, native, d.Statements)
			}
			differences, err = r.CheckSchema(t.Context())
			require.NoError(t, err)
			require.Empty(t, differences)
		})
	}
}

// TestFixesDropNothing has an index of another program beside each that the mapping needs. The fix makes its own and
// drops none, also where making it fails: two documents have one value.
func TestFixesDropNothing(t *testing.T) {
	t.Parallel()
	set := testbed.Mongo(t)
	for name, c := range map[string]struct {
		index  bson.D
		says   string
		isRule bool // nothing is made: it refuses more than the mapping asks for
	}{
		"Plain": {index: doc("key",
			doc("code", 1), "name", "tickets_code"), says: "must: tickets.tickets_code: the index"},
		"OtherName": {index: doc("key", doc("code", 1), "name", "theirs"), says: "two documents can have"},
		"Collation": {
			index: doc("key",
				doc("name", 1), "name", "tickets_name", "collation", doc("locale", "fr")), says: "collation fr",
		},
		"OtherFields": {index: doc("key", doc("price", 1), "name", "tickets_code"), says: "has other fields"},
		"Partial": {
			index: doc("key", doc("name", 1), "name", "tickets_name", "partialFilterExpression", doc("price", 1)),
			says:  "holds other documents",
		},
		"Hidden": {index: doc("key",
			doc("name", 1), "name", "tickets_name", "hidden", true), says: "is hidden, so that"},
		"UniqueWithNull": {
			index: doc("key", doc("code", 1), "name", "tickets_code", "unique", true), isRule: true,
			says: "weaker: tickets.tickets_code: the index is unique over (code, NULL among its values)",
		},
		"UniqueCollation": {
			index: doc("key",
				doc("code", 1), "name", "theirs", "unique", true, "collation", doc("locale", "fr", "strength", 1)),
			says: "unique over (code, by the collation fr, NULL among its values)", isRule: true,
		},
		"UniqueInPlaceOfPlain": {
			index: doc("key",
				doc("name", 1), "name", "tickets_name", "unique", true), says: "unique over (name", isRule: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := open(t, set.URI(), set.Database(t), nil)
			native, _ := mongo.Native(db)
			collection := native.Collection("tickets")
			r, err := store.NewRepository[ticket, seat](db, "tickets", nil)
			require.NoError(t, err)
			require.NoError(t, r.EnsureSchema(t.Context()))
			wanted := "tickets_code"
			if c.index[0].Value.(bson.D)[0].Key == "name" {
				wanted = "tickets_name"
			}
			require.NoError(t, collection.Indexes().DropOne(t.Context(), wanted))
			command := doc("createIndexes", "tickets", "indexes", bson.A{c.index})
			require.NoError(t, native.RunCommand(t.Context(), command).Err())
			for i, code := range []string{"a", "b"} {
				one := ticket{ID: seat{code, int64(i)}, Code: &code, Name: code, Price: "1"}
				require.NoError(t, r.Insert(t.Context(), &one))
			}
			differences, err := r.CheckSchema(t.Context())
			require.NoError(t, err)
			require.Len(t, differences, 1)
			assert.Contains(t, differences[0].String(), c.says)
			assert.NotContains(t, differences[0].Fix, "drop")
			if c.isRule {
				assert.Empty(t, differences[0].Statements)
				return
			}
			names := func() (all []string) {
				specs, err := collection.Indexes().ListSpecifications(t.Context())
				require.NoError(t, err)
				for _, s := range specs {
					all = append(all, s.Name)
				}
				return all
			}
			before := names()
			if differences[0].Severity == store.SeverityMust { // two documents have one value
				_, err = collection.UpdateMany(t.Context(), bson.D{}, doc("$set", doc("code", "same")))
				require.NoError(t, err)
				require.Error(t, run(t, native, differences[0].Statements[0]))
				require.Equal(t, before, names())
			}
			_, err = collection.UpdateMany(t.Context(), bson.D{}, bson.A{doc("$set", doc("code", "$name"))})
			require.NoError(t, err)
			mend(t, native, differences[0].Statements)
			require.Subset(t, names(), before)
			differences, err = r.CheckSchema(t.Context())
			require.NoError(t, err)
			require.Empty(t, differences)
		})
	}
}

// TestCollationOfACollection has no statement: a copy would lose what programs write meanwhile.
func TestCollationOfACollection(t *testing.T) {
	t.Parallel()
	set := testbed.Mongo(t)
	db := open(t, set.URI(), set.Database(t), nil)
	native, _ := mongo.Native(db)
	require.NoError(t, native.RunCommand(t.Context(), doc("create", "tickets", "collation", doc("locale", "fr"))).Err())
	r, err := store.NewRepository[ticket, seat](db, "tickets", nil)
	require.NoError(t, err)
	require.NoError(t, r.EnsureSchema(t.Context()))
	differences, err := r.CheckSchema(t.Context())
	require.NoError(t, err)
	require.Len(t, differences, 1)
	assert.Equal(t, store.SeverityWeaker, differences[0].Severity)
	assert.Contains(t, differences[0].Problem, "while no program writes, or leave it")
	assert.Empty(t, differences[0].Statements)
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

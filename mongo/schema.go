package mongo

import (
	"context"
	"errors"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
	mongodriver "go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/stillframe/stillframe/store/driver"
)

// Schema implements [driver.Collection]. Creating an index takes as long as it takes: only the
// caller's context bounds it.
func (c *collection) Schema(ctx context.Context, p *driver.SchemaParams) (driver.SchemaResult, error) {
	a := audit{collection: c}
	if err := a.load(ctx); err != nil {
		return driver.SchemaResult{}, err
	}
	if p.Create {
		if err := a.create(ctx); err != nil {
			return driver.SchemaResult{}, err
		}
		a = audit{collection: c}
		if err := a.load(ctx); err != nil {
			return driver.SchemaResult{}, err
		}
	}
	if !a.exists {
		a.differ(driver.SeverityMust, "", "the collection does not exist", c.DDL()...)
		return driver.SchemaResult{Differences: a.found, Migration: a.migration}, nil
	}
	a.checkOptions()
	a.checkIndexes()
	a.checkRules()
	if p.Combined {
		a.checkCombined()
	}
	if err := a.checkShards(ctx); err != nil {
		return driver.SchemaResult{}, err
	}
	if err := a.checkVersions(ctx); err != nil {
		return driver.SchemaResult{}, err
	}
	if err := a.checkTypes(ctx); err != nil {
		return driver.SchemaResult{}, err
	}
	if err := a.checkElements(ctx); err != nil {
		return driver.SchemaResult{}, err
	}
	return driver.SchemaResult{Differences: a.found, Migration: a.migration}, nil
}

// DDL implements [driver.Collection]. The statements are for mongosh.
func (c *collection) DDL() []string {
	statements := []string{statement(c.createCommand())}
	if wanted := c.indexes(); len(wanted) > 0 {
		statements = append(statements, statement(c.indexCommand(wanted)))
	}
	return statements
}

// audit compares one live collection with the plan.
type audit struct {
	*collection
	exists  bool
	kind    string   // "collection", "view"
	options bson.Raw // as listCollections gives them
	live    []liveIndex
	found   []driver.Difference
	// migration is SchemaResult.Migration
	migration []string
}

// checkCombined names the validator, which sees the last of the states alone that combined calls have made.
func (a *audit) checkCombined() {
	if v, err := find(a.options, "validator"); err == nil && v.kind == bson.TypeEmbeddedDocument && len(v.value) > 5 {
		a.differ(driver.SeverityNote, "", "its validator sees the last state alone of calls that share a write "+
			"(RepositoryOptions.Combine): what one of them breaks and the next mends is stored; Validate sees each")
	}
}

// liveIndex is an index as listIndexes gives it.
type liveIndex struct {
	Name      string   `bson:"name"`
	Key       bson.D   `bson:"key"`
	Unique    bool     `bson:"unique"`
	Sparse    bool     `bson:"sparse"`
	Hidden    bool     `bson:"hidden"`
	Partial   bson.Raw `bson:"partialFilterExpression"`
	Collation bson.Raw `bson:"collation"`
}

// load reads what the server knows of the collection, for Schema, which compares it with the plan.
func (a *audit) load(ctx context.Context) error {
	named := bson.D{{Key: "name", Value: bson.D{{Key: "$eq", Value: a.spec.Table}}}}
	specs, err := a.db.native.ListCollectionSpecifications(ctx, named)
	if err != nil || len(specs) == 0 {
		return err
	}
	a.exists, a.kind, a.options = true, specs[0].Type, specs[0].Options
	if a.kind == "view" {
		return nil
	}
	cursor, err := a.native.Indexes().List(ctx)
	if err != nil {
		return err
	}
	return cursor.All(ctx, &a.live)
}

// create creates the collection and the indexes that are missing, for EnsureSchema. What is there in another form
// is left, and found by the comparison that follows. That another program has created the collection meanwhile
// is no error: many start at the same time.
func (a *audit) create(ctx context.Context) error {
	if !a.exists {
		err := a.run(ctx, a.createCommand())
		if err != nil && !isCode(err, namespaceExists) { // somebody else was quicker
			return err
		}
	}
	var missing []index
	for _, want := range a.indexes() {
		if a.kind != "view" && a.satisfying(want) == nil && a.hindering(want) == nil {
			missing = append(missing, want)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return a.run(ctx, a.indexCommand(missing))
}

const namespaceExists = 48

func isCode(err error, code int) bool {
	e, ok := errors.AsType[mongodriver.CommandError](err)
	return ok && int(e.Code) == code
}

func (a *audit) run(ctx context.Context, command bson.D) error {
	command = append(slices.Clone(command), bson.E{Key: "writeConcern", Value: bson.D{{Key: "w", Value: "majority"}}})
	return a.db.native.RunCommand(ctx, command).Err()
}

// differ notes a difference. The severity is never left to a default: each caller says what it costs.
func (a *audit) differ(severity driver.Severity, name, problem string, fix ...string) {
	if severity == driver.SeverityMust {
		a.migration = append(a.migration, fix...)
	}
	a.found = append(a.found, driver.Difference{
		Table: a.spec.Table, Name: name, Severity: severity, Problem: problem, Statements: fix,
	})
}

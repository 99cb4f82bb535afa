package store

import (
	"cmp"
	"context"
	"slices"

	"github.com/stillframe/stillframe/store/driver"
)

// EnsureSchema creates the table or collection and its indexes where they are missing. It never
// alters or drops what is there: [Repository.CheckSchema] then says what differs, and what of that
// must be mended to start. It is meant for tests and development; in production run
// [Repository.DDL] through a migration tool. It cannot be part of a Tx.
func (r *Repository[T, K]) EnsureSchema(ctx context.Context) error {
	_, err := r.schema(ctx, "ensure schema", true)
	return err
}

// CheckSchema compares the live table with the mapping and returns every difference, those of
// [SeverityMust] first, each with the statement or setting that mends it where there is one. It
// changes nothing.
//
// Only what is SeverityMust is needed to start. With what is [SeverityWeaker] every call works, and
// the problem says what is weaker; its fix is often one that programs which use the table already
// would notice. Read each before it is applied.
func (r *Repository[T, K]) CheckSchema(ctx context.Context) ([]Difference, error) {
	return r.schema(ctx, "check schema", false)
}

// schema is EnsureSchema and CheckSchema, which differ in create. It is a request of its own kind: no
// Tx can hold it, so it does not enter one.
func (r *Repository[T, K]) schema(ctx context.Context, op string, create bool) ([]Difference, error) {
	c := r.call(op, nil, create)
	ctx, err := c.start(ctx)
	if err != nil {
		return nil, err
	}
	defer c.endUnreturned(ctx)
	if r.tx != nil {
		return nil, c.end(ctx, invalidf("the schema cannot be read or changed in a transaction"))
	}
	c.isWriting = create
	result, err := r.repo.collection.Schema(ctx, &driver.SchemaParams{Create: create})
	if err != nil {
		err = c.fault(ctx, err)
	}
	slices.SortStableFunc(result.Differences, func(a, b Difference) int { return cmp.Compare(a.Severity, b.Severity) })
	return result.Differences, c.end(ctx, err)
}

// DDL returns the statements, in order, that create the table and its indexes, for a migration
// tool. It does no I/O.
func (r *Repository[T, K]) DDL() []string { return r.repo.collection.DDL() }

package store

import (
	"cmp"
	"context"
	"slices"
	"strings"

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
// [SeverityMust] first, each with the statements that mend it where there are any. It changes nothing.
// A program that runs them takes Difference.Statements, one by one; Difference.Fix is their text for a person.
//
// Only what is SeverityMust is needed to start. With what is [SeverityWeaker] every call works, and
// the problem says what is weaker; its fix is often one that programs which use the table already
// would notice. Read each before it is applied.
func (r *Repository[T, K]) CheckSchema(ctx context.Context) ([]Difference, error) {
	result, err := r.schema(ctx, "check schema", false)
	return result.Differences, err
}

// Migration returns the statements, in order, that bring the live table to the mapping, for a
// migration tool, and changes nothing: after a field was added to the entity, that is its column
// and its index. They are those of [Repository.DDL] where there is no table.
//
// They add and widen, and take nothing away: missing columns, with a default for the rows that are
// there and for programs that do not know them; missing indexes and triggers; and the fix of each
// other difference that is [SeverityMust] and has one. A column or index that the mapping no longer
// has stays. What no statement mends is not among them: CheckSchema names it, and what each of the
// statements means for other programs. It is empty where nothing of that is missing.
func (r *Repository[T, K]) Migration(ctx context.Context) ([]string, error) {
	result, err := r.schema(ctx, "migration", false)
	return result.Migration, err
}

// schema is EnsureSchema, CheckSchema and Migration; create is set for the first. It is a request of its own kind: no
// Tx can hold it, so it does not enter one.
func (r *Repository[T, K]) schema(ctx context.Context, op string, create bool) (driver.SchemaResult, error) {
	c := r.call(op, nil, create)
	ctx, err := c.start(ctx)
	if err != nil {
		return driver.SchemaResult{}, err
	}
	defer c.endUnreturned(ctx)
	if r.tx != nil {
		return driver.SchemaResult{}, c.end(ctx, invalidf("the schema cannot be read or changed in a transaction"))
	}
	c.isWriting = create
	result, err := r.repo.collection.Schema(ctx, &driver.SchemaParams{
		Create: create, Combined: r.repo.options.Combine,
	})
	if err != nil {
		err = c.fault(ctx, err)
	}
	for i := range result.Differences {
		d := &result.Differences[i]
		switch {
		case d.Fix != "" && len(d.Statements) == 0: // a backend that knows of one statement alone
			d.Statements = []string{d.Fix}
		case len(d.Statements) == 1:
			d.Fix = d.Statements[0]
		case len(d.Statements) > 1:
			d.Fix = strings.Join(d.Statements, ";\n") + ";"
		}
	}
	slices.SortStableFunc(result.Differences, func(a, b Difference) int { return cmp.Compare(a.Severity, b.Severity) })
	return result, c.end(ctx, err)
}

// DDL returns the statements, in order, that create the table and its indexes, for a migration
// tool. It does no I/O.
func (r *Repository[T, K]) DDL() []string { return r.repo.collection.DDL() }

package driver

import "context"

// Bulk is implemented by a [Collection] that can write many rows in one request. Where it is not, package store makes
// one request for each row, in one transaction. It is never called for a Spec with VersionAuto or with a field that
// is Generated: what the database writes itself is read back row by row.
type Bulk interface {
	// Versions reads the stored versions of some rows and nothing else.
	Versions(ctx context.Context, p *VersionsParams) error

	// UpdateMany writes the same fields of many rows, each when its stored version is its Expect, and 1 more as its
	// version. It never creates a row. It may send several requests; what became of which row is not told, since
	// package store takes everything back where not all were written.
	UpdateMany(ctx context.Context, p *UpdateManyParams) (ManyResult, error)

	// DeleteMany removes many rows, each when its stored version is its Expect.
	DeleteMany(ctx context.Context, p *DeleteManyParams) (ManyResult, error)
}

// VersionsParams are the parameters of [Bulk.Versions].
type VersionsParams struct {
	Tx Tx
	// Keys names the rows, no two of them equal, at most Info.MaxKeys, in the order of the keys.
	Keys []any
	// Lock makes it a current read, as GetParams.Lock does. It is set only with a Tx.
	Lock bool
	// Found is called for each row that is there, with its key and its version, 0 where the row holds none.
	Found func(key any, version int64)
}

// UpdateManyParams are the parameters of [Bulk.UpdateMany].
type UpdateManyParams struct {
	Tx     Tx    // never nil
	Fields []int // as in UpdateParams
	Rows   []ManyRow
}

// DeleteManyParams are the parameters of [Bulk.DeleteMany].
type DeleteManyParams struct {
	Tx   Tx        // never nil
	Rows []ManyRow // without Record and Base
}

// ManyRow is one row of many. They are in the order of their keys, and no two have the same.
type ManyRow struct {
	Key          any
	Record, Base Record // as in UpdateParams
	Expect       int64
}

// ManyResult is the result of [Bulk.UpdateMany] and [Bulk.DeleteMany].
type ManyResult struct {
	// Applied is the number of rows that were written.
	Applied int
	// Declined says that nothing was sent: these rows cannot be written together, and are to be written one by one.
	Declined bool
}

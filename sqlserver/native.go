package sqlserver

import (
	"slices"

	"github.com/jmoiron/sqlx"

	"github.com/stillframe/stillframe/internal/sqldb"
	"github.com/stillframe/stillframe/store"
)

// Native returns the pool behind a database that this package opened, for raw work with sqlx,
// whose parameters are @p1, @p2 and so on. It reports false for a database of another backend, and
// for nil. Raw writes should move the version of what they change; with store:"version,auto" they
// always do.
func Native(db *store.DB) (*sqlx.DB, bool) {
	return sqldb.NativeDB[*dialect](db, "sqlserver")
}

// NativeTx returns the transaction for raw work with sqlx that commits or rolls back together with
// tx. It must be used on the goroutine of tx, its rows must be closed before tx is used again, and
// it cannot be committed or rolled back: the end of the function that Atomic or View was given
// does that. XACT_ABORT is on: an error of the server ends the transaction, and dooms tx. Raw BEGIN
// TRANSACTION, COMMIT and ROLLBACK must leave the transaction as it was: one that is begun and not ended
// is rolled back with all of it, and Atomic is ErrInvalid; where raw work has ended the transaction, what
// was kept is not known, and Atomic is ErrUnknownOutcome. For that the server is asked here and before the
// commit, a round trip each. It reports false for a transaction of another backend or one that has ended, and for nil.
func NativeTx(tx *store.Tx) (*sqlx.Tx, bool) {
	return sqldb.NativeTx[*dialect](tx, "sqlserver")
}

// Where selects by a condition in T-SQL, whose parameters are written as @p1, @p2 and so on,
// counted from 1 in each condition:
//
//	sqlserver.Where("balance % @p1 = 0", 100).OrderBy("Name")
//
// It may name any column of the table. Values belong in args; what is spliced into the text is
// run. The condition stands in parentheses, and is ErrInvalid where it would leave them.
func Where(sql string, args ...any) store.Query {
	return store.Native(sqldb.Native{SQL: sql, Args: slices.Clone(args)})
}

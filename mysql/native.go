package mysql

import (
	"slices"

	"github.com/jmoiron/sqlx"

	"github.com/stillframe/stillframe/internal/sqldb"
	"github.com/stillframe/stillframe/store"
)

// Native returns the pool behind a database that this package opened, for raw work with sqlx. It
// reports false for a database of another backend, and for nil. Raw writes should move the version
// of what they change; see Options.VersionTriggers.
func Native(db *store.DB) (*sqlx.DB, bool) {
	return sqldb.NativeDB[*dialect](db, "mysql")
}

// NativeTx returns the transaction for raw work with sqlx that commits or rolls back together with
// tx. It must be used on the goroutine of tx, its rows must be closed before tx is used again, and
// it cannot be committed or rolled back: the end of the function that Atomic or View was given
// does that. A statement that commits by itself, such as DDL, breaks the transaction in two. It
// reports false for a transaction of another backend or one that has ended, and for nil.
func NativeTx(tx *store.Tx) (*sqlx.Tx, bool) {
	return sqldb.NativeTx[*dialect](tx, "mysql")
}

// Where selects by a condition in SQL, whose parameters are written as question marks:
//
//	mysql.Where("balance % ? = 0", 100).OrderBy("Name")
//
// It may name any column of the table. Values belong in args; what is spliced into the text is
// run. The condition stands in parentheses, and is ErrInvalid where it would leave them. A quote in a text of it is
// written twice, and not by a backslash, which a mode of the session reads otherwise.
func Where(sql string, args ...any) store.Query {
	return store.Native(sqldb.Native{SQL: sql, Args: slices.Clone(args)})
}

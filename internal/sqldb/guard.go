package sqldb

import (
	"context"
	sqldriver "database/sql/driver"
	"errors"
)

// A server that answers what no server should can make its client panic: a number of columns that no memory holds, a
// length beyond its packet. Where the client is called for an answer its panic becomes an error, after which the
// connection is not used again. Code of the user's is not called there, and its panics go on.

// errClientPanic is the error of an answer over which the client has panicked. What it has panicked with may hold
// what the server sent.
var errClientPanic = errors.New("the client cannot read the answer of the server")

// errShortRow is the error of an answer with fewer columns than were asked for.
var errShortRow = errors.New("the answer of the server has fewer columns than were asked for")

// guard is deferred around a call of the client.
func guard(err *error) {
	if recover() != nil {
		*err = errClientPanic
	}
}

func prepareGuarded(ctx context.Context, conn sqldriver.ConnPrepareContext, text string) (
	stmt sqldriver.Stmt, err error,
) {
	defer guard(&err)
	return conn.PrepareContext(ctx, text)
}

func execGuarded(ctx context.Context, stmt sqldriver.StmtExecContext, a args) (r sqldriver.Result, err error) {
	defer guard(&err)
	return stmt.ExecContext(ctx, a)
}

func queryGuarded(ctx context.Context, stmt sqldriver.StmtQueryContext, a args) (rows sqldriver.Rows, err error) {
	defer guard(&err)
	return stmt.QueryContext(ctx, a)
}

func nextGuarded(rows sqldriver.Rows, row []sqldriver.Value) (err error) {
	defer guard(&err)
	return rows.Next(row)
}

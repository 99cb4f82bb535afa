package sqldb

import (
	"context"
	sqldriver "database/sql/driver"
	"errors"
	"io"
)

// request is one statement with what it is sent with. [session.run] sends it.
type request struct {
	text        string
	args        args
	preparation preparation
	// header, unless it is nil, is called with the answer before its first row is read. Its error ends the
	// request like one of a row.
	header func(sqldriver.Rows) error
	// result is set by run where the statement was prepared and gives no rows.
	result sqldriver.Result
}

// rowFunc is called for each row of an answer, whose values are valid during that call only. It is no
// field of the request: beside the arguments, which the client may keep, the compiler would have to put it
// and what it captures on the heap. That saves two of the allocations of a Get, of 23.
type rowFunc func(row []sqldriver.Value) error

// preparation says what becomes of a request's prepared statement.
type preparation uint8

const (
	// cached keeps it in the statement cache of its connection.
	cached preparation = iota
	// uncached closes it after the answer, since its text will hardly come again.
	uncached
	// unprepared sends the text itself, which has no parameters. A client that prepares
	// nothing at the server has another way of its own, which costs no more.
	unprepared
)

// args are the arguments of a statement.
type args []sqldriver.NamedValue

func (a *args) add(value any) {
	*a = append(*a, sqldriver.NamedValue{Ordinal: len(*a) + 1, Value: value})
}

// answerError is an error of our own about an answer that has come whole, such as a value that does not
// fit its field. The connection can be used further, whatever the error is.
type answerError struct{ err error }

func (e *answerError) Error() string { return e.err.Error() }
func (e *answerError) Unwrap() error { return e.err }

// execute sends the request, which stmt has prepared where it is not nil, and reads the answer. send calls
// it; here is where the client is called.
func (q *request) execute(ctx context.Context, conn sqldriver.Conn, stmt sqldriver.Stmt, each rowFunc) (err error) {
	switch {
	case stmt == nil && each != nil:
		rows, err := conn.(sqldriver.QueryerContext).QueryContext(ctx, q.text, nil)
		if err != nil {
			return err
		}
		return readRows(rows, each)
	case stmt == nil:
		_, err = conn.(sqldriver.ExecerContext).ExecContext(ctx, q.text, nil)
		return err
	case each == nil:
		q.result, err = execGuarded(ctx, stmt.(sqldriver.StmtExecContext), q.args)
		return err
	}
	rows, err := queryGuarded(ctx, stmt.(sqldriver.StmtQueryContext), q.args)
	if err != nil {
		return err
	}
	if q.header != nil {
		if err := q.header(rows); err != nil {
			return closeAfter(rows, err)
		}
	}
	return readRows(rows, each)
}

// readRows calls each for each row, for execute. After an error of each the rows are closed, so that the
// connection is free for the next request: else the client would take what is left of this answer for the
// next one.
func readRows(rows sqldriver.Rows, each rowFunc) error {
	row := make([]sqldriver.Value, len(rows.Columns()))
	if len(row) == 0 {
		return errors.Join(errShortRow, rows.Close())
	}
	for {
		switch err := nextGuarded(rows, row); err {
		case nil:
		case io.EOF:
			return rows.Close()
		default:
			_ = rows.Close()
			return err
		}
		if err := each(row); err != nil {
			return closeAfter(rows, err)
		}
	}
}

// closeAfter closes rows after an error of our own about them.
func closeAfter(rows sqldriver.Rows, err error) error {
	if e := rows.Close(); e != nil {
		return e
	}
	return &answerError{err}
}

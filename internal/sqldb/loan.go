package sqldb

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"io"

	"github.com/jmoiron/sqlx"

	"github.com/stillframe/stillframe/store/driver"
)

// loan is the connection of a [Tx] in the shape of a pool of one, for raw work in the same
// transaction. Beginning sends nothing, since the transaction runs already, and ending it is not
// the borrower's business.
type loan struct {
	tx   *Tx
	conn sqldriver.Conn
	db   *sql.DB
	sql  *sqlx.Tx
}

// SQLX returns the transaction as sqlx knows it. name is the one by which sqlx knows how
// parameters are written.
func (t *Tx) SQLX(name string) (*sqlx.Tx, error) {
	if t.loan != nil {
		return t.loan.sql, nil
	}
	l := &loan{tx: t}
	if err := t.use(func(s *session) error { l.conn = s.conn; return nil }); err != nil {
		return nil, err
	}
	l.db = sql.OpenDB(lender{l})
	l.db.SetMaxOpenConns(1)
	tx, err := sqlx.NewDb(l.db, name).BeginTxx(context.Background(), nil)
	if err != nil {
		_ = l.db.Close()
		return nil, err
	}
	l.sql, t.loan = tx, l
	return tx, nil
}

func (l *loan) close() {
	_ = l.sql.Rollback() // ends what database/sql holds for it, and sends nothing
	_ = l.db.Close()
}

// met remembers an error after which the server holds no transaction any more: what follows
// would run outside it, and be kept.
func (l *loan) met(err error) error {
	if err == nil || l.tx.failed != nil || errors.Is(err, sqldriver.ErrSkip) || errors.Is(err, io.EOF) {
		return err
	}
	switch f := l.tx.db.Classify(err); f.Class {
	case driver.LockFailure, driver.Conflict, driver.Unavailable, driver.Canceled:
		l.tx.failed = err
	default:
		if l.tx.db.dialect.Ends(err, f) {
			l.tx.failed = err
		}
	}
	return err
}

// lender connects to the one connection.
type lender struct{ loan *loan }

func (l lender) Connect(context.Context) (sqldriver.Conn, error) { return &lentConn{l.loan}, nil }
func (l lender) Driver() sqldriver.Driver                        { return nil }

// lentConn is the connection as database/sql sees it.
type lentConn struct{ *loan }

var errNotYours = errors.New("the transaction ends with the function that Atomic or View was given")

func (c *lentConn) Close() error                 { return nil }
func (c *lentConn) Begin() (sqldriver.Tx, error) { return lentTx{}, nil }

func (c *lentConn) BeginTx(context.Context, sqldriver.TxOptions) (sqldriver.Tx, error) {
	return lentTx{}, nil
}

// lentTx ends nothing.
type lentTx struct{}

func (lentTx) Commit() error   { return errNotYours }
func (lentTx) Rollback() error { return errNotYours }

func (c *lentConn) Prepare(text string) (sqldriver.Stmt, error) {
	return c.PrepareContext(context.Background(), text)
}

func (c *lentConn) PrepareContext(ctx context.Context, text string) (sqldriver.Stmt, error) {
	stmt, err := preparer(c.conn).PrepareContext(ctx, text)
	if err != nil {
		return nil, c.met(err)
	}
	return &lentStmt{stmt, c.loan}, nil
}

func (c *lentConn) ExecContext(ctx context.Context, text string, a []sqldriver.NamedValue) (sqldriver.Result, error) {
	execer, ok := c.conn.(sqldriver.ExecerContext)
	if !ok {
		return nil, sqldriver.ErrSkip
	}
	result, err := execer.ExecContext(ctx, text, a)
	return result, c.met(err)
}

func (c *lentConn) QueryContext(ctx context.Context, text string, a []sqldriver.NamedValue) (sqldriver.Rows, error) {
	queryer, ok := c.conn.(sqldriver.QueryerContext)
	if !ok {
		return nil, sqldriver.ErrSkip
	}
	rows, err := queryer.QueryContext(ctx, text, a)
	return c.lend(rows), c.met(err)
}

// CheckNamedValue implements [sqldriver.NamedValueChecker].
func (c *lentConn) CheckNamedValue(v *sqldriver.NamedValue) error {
	if checker, ok := c.conn.(sqldriver.NamedValueChecker); ok {
		return checker.CheckNamedValue(v)
	}
	return sqldriver.ErrSkip
}

// lentStmt is a statement whose errors are seen.
type lentStmt struct {
	sqldriver.Stmt
	loan *loan
}

func (s *lentStmt) ExecContext(ctx context.Context, a []sqldriver.NamedValue) (sqldriver.Result, error) {
	result, err := s.Stmt.(sqldriver.StmtExecContext).ExecContext(ctx, a)
	return result, s.loan.met(err)
}

func (s *lentStmt) QueryContext(ctx context.Context, a []sqldriver.NamedValue) (sqldriver.Rows, error) {
	rows, err := s.Stmt.(sqldriver.StmtQueryContext).QueryContext(ctx, a)
	return s.loan.lend(rows), s.loan.met(err)
}

// lentRows are rows whose errors are seen, which some servers give after the first rows.
type lentRows struct {
	sqldriver.RowsNextResultSet
	loan *loan
}

// lend wraps rows. A client that knows one result set only gives its errors beforehand.
func (l *loan) lend(rows sqldriver.Rows) sqldriver.Rows {
	if more, ok := rows.(sqldriver.RowsNextResultSet); ok {
		return &lentRows{more, l}
	}
	return rows
}

func (r *lentRows) Next(row []sqldriver.Value) error {
	return r.loan.met(r.RowsNextResultSet.Next(row))
}

func (r *lentRows) NextResultSet() error { return r.loan.met(r.RowsNextResultSet.NextResultSet()) }

func (r *lentRows) Close() error { return r.loan.met(r.RowsNextResultSet.Close()) }

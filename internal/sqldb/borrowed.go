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

// borrowedPool is the connection of a [Tx] in the shape of a pool of one, for raw work in the same
// transaction. Its user begins and ends nothing: beginning sends nothing, since the transaction runs
// already, and ending it is left to the Tx. It sees each error that the raw work meets, since a server can
// end the transaction by one.
type borrowedPool struct {
	tx   *Tx
	conn sqldriver.Conn
	db   *sql.DB
	sql  *sqlx.Tx
}

// SQLX returns the transaction as sqlx knows it, the same one each time. name is the one by which sqlx
// knows how parameters are written. The first time it asks for the state of the transaction, where the server tells
// it; its caller has no ctx to give.
func (t *Tx) SQLX(name string) (*sqlx.Tx, error) {
	if t.borrowed != nil {
		return t.borrowed.sql, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), endTimeout)
	defer cancel()
	var err error
	if t.lent, err = t.state(ctx); err != nil {
		return nil, err
	}
	p := &borrowedPool{tx: t}
	if err := t.use(func(s *session) error { p.conn = s.conn; return nil }); err != nil {
		return nil, err
	}
	p.db = sql.OpenDB(borrowedConnector{p})
	p.db.SetMaxOpenConns(1)
	tx, err := sqlx.NewDb(p.db, name).BeginTxx(context.Background(), nil)
	if err != nil {
		_ = p.db.Close()
		return nil, err
	}
	p.sql, t.borrowed = tx, p
	return tx, nil
}

// close frees what database/sql holds for the pool. Neither call sends anything.
func (p *borrowedPool) close() {
	_ = p.sql.Rollback()
	_ = p.db.Close()
}

// note looks at each error of the raw work, and returns it. After some the server holds no transaction any
// more: what follows would run outside it, and be kept although the rest is lost. Such an error is kept in
// the Tx, whose commit then fails with it.
func (p *borrowedPool) note(err error) error {
	if err == nil || p.tx.endedBy != nil || errors.Is(err, sqldriver.ErrSkip) || errors.Is(err, io.EOF) {
		return err
	}
	switch f := p.tx.db.Classify(err); f.Class {
	case driver.LockFailure, driver.Conflict, driver.Unavailable, driver.Canceled:
		p.tx.endedBy = err
	default:
		if p.tx.db.dialect.EndsTx(err, f) {
			p.tx.endedBy = err
		}
	}
	return err
}

// borrowedConnector connects to the one connection.
type borrowedConnector struct{ pool *borrowedPool }

func (c borrowedConnector) Connect(context.Context) (sqldriver.Conn, error) {
	return &borrowedConn{c.pool}, nil
}
func (c borrowedConnector) Driver() sqldriver.Driver { return nil }

// borrowedConn is the connection as database/sql sees it.
type borrowedConn struct{ *borrowedPool }

var errNotYours = errors.New("the transaction ends with the function that Atomic or View was given")

func (c *borrowedConn) Close() error                 { return nil }
func (c *borrowedConn) Begin() (sqldriver.Tx, error) { return borrowedTx{}, nil }

func (c *borrowedConn) BeginTx(context.Context, sqldriver.TxOptions) (sqldriver.Tx, error) {
	return borrowedTx{}, nil
}

// borrowedTx ends nothing.
type borrowedTx struct{}

func (borrowedTx) Commit() error   { return errNotYours }
func (borrowedTx) Rollback() error { return errNotYours }

func (c *borrowedConn) Prepare(text string) (sqldriver.Stmt, error) {
	return c.PrepareContext(context.Background(), text)
}

func (c *borrowedConn) PrepareContext(ctx context.Context, text string) (sqldriver.Stmt, error) {
	stmt, err := preparer(c.conn).PrepareContext(ctx, text)
	if err != nil {
		return nil, c.note(err)
	}
	return &borrowedStmt{stmt, c.borrowedPool}, nil
}

func (c *borrowedConn) ExecContext(
	ctx context.Context, text string, a []sqldriver.NamedValue,
) (sqldriver.Result, error) {
	execer, ok := c.conn.(sqldriver.ExecerContext)
	if !ok {
		return nil, sqldriver.ErrSkip
	}
	result, err := execer.ExecContext(ctx, text, a)
	return result, c.note(err)
}

func (c *borrowedConn) QueryContext(
	ctx context.Context, text string, a []sqldriver.NamedValue,
) (sqldriver.Rows, error) {
	queryer, ok := c.conn.(sqldriver.QueryerContext)
	if !ok {
		return nil, sqldriver.ErrSkip
	}
	rows, err := queryer.QueryContext(ctx, text, a)
	return c.wrap(rows), c.note(err)
}

// CheckNamedValue implements [sqldriver.NamedValueChecker].
func (c *borrowedConn) CheckNamedValue(v *sqldriver.NamedValue) error {
	if checker, ok := c.conn.(sqldriver.NamedValueChecker); ok {
		return checker.CheckNamedValue(v)
	}
	return sqldriver.ErrSkip
}

// borrowedStmt is a statement whose errors are noted.
type borrowedStmt struct {
	sqldriver.Stmt
	pool *borrowedPool
}

func (s *borrowedStmt) ExecContext(ctx context.Context, a []sqldriver.NamedValue) (sqldriver.Result, error) {
	result, err := s.Stmt.(sqldriver.StmtExecContext).ExecContext(ctx, a)
	return result, s.pool.note(err)
}

func (s *borrowedStmt) QueryContext(ctx context.Context, a []sqldriver.NamedValue) (sqldriver.Rows, error) {
	rows, err := s.Stmt.(sqldriver.StmtQueryContext).QueryContext(ctx, a)
	return s.pool.wrap(rows), s.pool.note(err)
}

// borrowedRows are rows whose errors are noted, which some servers give after the first rows.
type borrowedRows struct {
	sqldriver.RowsNextResultSet
	pool *borrowedPool
}

// wrap makes borrowedRows of rows. Those of a client that knows one result set alone stay as they are: it
// gives its errors before the first row.
func (p *borrowedPool) wrap(rows sqldriver.Rows) sqldriver.Rows {
	if more, ok := rows.(sqldriver.RowsNextResultSet); ok {
		return &borrowedRows{more, p}
	}
	return rows
}

func (r *borrowedRows) Next(row []sqldriver.Value) error {
	return r.pool.note(r.RowsNextResultSet.Next(row))
}

func (r *borrowedRows) NextResultSet() error { return r.pool.note(r.RowsNextResultSet.NextResultSet()) }

func (r *borrowedRows) Close() error { return r.pool.note(r.RowsNextResultSet.Close()) }

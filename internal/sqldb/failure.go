package sqldb

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"io"
	"net"
	"syscall"

	"github.com/stillframe/stillframe/internal/backend"
	"github.com/stillframe/stillframe/store/driver"
)

// errClosed is the error of database/sql for a pool that was closed. It has no exported name, so that it is
// got once from a pool that is closed.
var errClosed = func() error {
	db := sql.OpenDB(noConnector{})
	_ = db.Close()
	_, err := db.Conn(context.Background())
	return err
}()

type noConnector struct{}

func (noConnector) Connect(context.Context) (sqldriver.Conn, error) {
	return nil, sqldriver.ErrBadConn
}
func (noConnector) Driver() sqldriver.Driver { return nil }

// Classify says what an error means; own is asked for the errors of the server and its client, and what is
// left are those of database/sql, of the ctx and of the network. Where nothing is known of how an error was
// met, a write is taken to have been sent.
func Classify(err error, own func(error) (driver.Fault, bool)) driver.Fault {
	return backend.Classify(err, func(err error) driver.Fault {
		if fault, ok := own(err); ok {
			return fault
		}
		switch {
		case errors.Is(err, errClosed), errors.Is(err, sql.ErrConnDone):
			return driver.Fault{Class: driver.Closed}
		case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
			return driver.Fault{Class: driver.Canceled, Sent: true}
		case errors.Is(err, errClientPanic), errors.Is(err, errShortRow):
			return driver.Fault{Problem: "the answer of the server cannot be read"}
		case errors.Is(err, sqldriver.ErrBadConn):
			return driver.Fault{Class: driver.Unavailable}
		case isNetworkError(err):
			return driver.Fault{Class: driver.Unavailable, Sent: !isDialing(err)}
		}
		return driver.Fault{}
	})
}

// happened marks an error that came after the row in which a server says what a write has written. A trigger of SQL
// Server that says no by RAISERROR, and rolls nothing back, is answered so: its statement goes on and is kept. Outside
// a Tx the caller is told that the write may have happened; a Tx is rolled back.
func happened(err error) error { return &backend.Failure{Err: err, Sent: true} }

// isNetworkError reports whether err is that of a connection, not of a server.
func isNetworkError(err error) bool {
	if _, ok := errors.AsType[net.Error](err); ok {
		return true
	}
	if _, ok := errors.AsType[syscall.Errno](err); ok {
		return true
	}
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.ErrShortWrite) ||
		errors.Is(err, net.ErrClosed)
}

// isDialing reports whether err was met before there was a connection.
func isDialing(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "dial"
}

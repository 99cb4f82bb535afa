package mongo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"

	mongodriver "go.mongodb.org/mongo-driver/v2/mongo"
	xdriver "go.mongodb.org/mongo-driver/v2/x/mongo/driver"

	"github.com/stillframe/stillframe/internal/backend"
	"github.com/stillframe/stillframe/store/driver"
)

// The labels that the server and the driver put on errors (specifications, "Transactions",
// "Retryable Writes").
const (
	transientLabel  = "TransientTransactionError"
	unknownLabel    = "UnknownTransactionCommitResult"
	networkLabel    = "NetworkError"
	noWritesLabel   = "NoWritesPerformed"
	retryWriteLabel = "RetryableWriteError"
)

var errNoTransactions = errors.New("mongo: a standalone server has no transactions")

// classify says what an error means, for package store and for opening. Writes outside a Tx and commits come in a
// [backend.Failure], which knows of all their tries.
func classify(err error) driver.Fault { return backend.Classify(err, faultOf) }

// faultOf is the fault of an error by itself, for classify, deliver and mayHaveCommitted: by who made it, the server
// about a write, the server about a command, or the client.
func faultOf(err error) driver.Fault {
	if errors.Is(err, mongodriver.ErrClientDisconnected) {
		return driver.Fault{Class: driver.Closed}
	}
	if errors.Is(err, errNoTransactions) {
		return driver.Fault{Class: driver.Unsupported}
	}
	if errors.Is(err, errMalformed) || errors.Is(err, errTooDeep) {
		return driver.Fault{Problem: "the answer of the server cannot be read"}
	}
	if e, ok := errors.AsType[mongodriver.WriteException](err); ok {
		return writeFault(e.WriteErrors, e.WriteConcernError, e.Labels)
	}
	if e, ok := errors.AsType[mongodriver.BulkWriteException](err); ok {
		errs := make(mongodriver.WriteErrors, len(e.WriteErrors))
		for i := range e.WriteErrors {
			errs[i] = e.WriteErrors[i].WriteError
		}
		return writeFault(errs, e.WriteConcernError, e.Labels)
	}
	if e, ok := errors.AsType[mongodriver.CommandError](err); ok && e.Code != 0 {
		return commandFault(e)
	}
	return clientFault(err)
}

// writeFault is the fault of an answer that holds errors of its writes. A write concern that was
// not reached says nothing of the write, which is there and may be rolled back.
func writeFault(errs mongodriver.WriteErrors, concern *mongodriver.WriteConcernError, labels []string) driver.Fault {
	if len(errs) > 0 {
		f := codeFault(errs[0].Code, errs[0].Message)
		f.Sent = concern != nil || f.Class == driver.Unavailable && !slices.Contains(labels, noWritesLabel)
		return f
	}
	if concern == nil {
		return driver.Fault{Sent: true}
	}
	f := codeFault(concern.Code, concern.Message)
	f.Sent = true
	return f
}

// commandFault is the fault of a command that failed as a whole. The errors of an
// election may be the answer to a second try, after a first one that was not answered.
func commandFault(e mongodriver.CommandError) driver.Fault {
	f := codeFault(int(e.Code), e.Message)
	if f.Class == driver.Other && e.HasErrorLabel(transientLabel) {
		f.Class = driver.Conflict
	}
	isOpen := f.Class == driver.Unavailable || e.HasErrorLabel(retryWriteLabel) || e.HasErrorLabel(networkLabel) ||
		slices.Contains(broken, int(e.Code))
	f.Sent = isOpen && !e.HasErrorLabel(noWritesLabel)
	return f
}

// broken are errors of the server's own, InternalError, UnknownError, OperationFailed and DataCorruptionDetected, which
// may come after a write too.
var broken = []int{1, 8, 96, 301}

func codeFault(code int, message string) driver.Fault {
	known := codes[code]
	f := driver.Fault{Class: known.class, Code: strconv.Itoa(code), Problem: known.text}
	if f.Class == driver.Duplicate {
		f.Constraint = constraint(message)
	}
	return f
}

// constraint finds the name of the index that has a value already. The message is the only place where the
// server gives its name: "… collection: game.clubs index: clubs_name dup key: { name: … }". It is
// read from the front, since what follows may hold anything.
func constraint(message string) string {
	_, text, ok := strings.Cut(message, " index: ")
	if !ok {
		return ""
	}
	text, _, _ = strings.Cut(text, " dup key: ")
	text, _, _ = strings.Cut(text, " collation: ")
	if i := strings.LastIndex(text, "$"); i >= 0 { // "game.clubs.$clubs_name", before MongoDB 4
		text = text[i+1:]
	}
	return strings.TrimSpace(text)
}

// neverSent are the driver's errors from before there is a connection to send on. Their package promises no
// stability, so that they are told by their names; where one is not recognized, an outcome is unknown that could be
// known.
var neverSent = []string{
	"topology.ServerSelectionError", "topology.WaitQueueTimeoutError", "topology.poolClearedError",
}

const noServer = "no primary was found in time: is the deployment up, and reached by the connection string?"

// clientFault is the fault of an error that no server made, for faultOf: the network, the driver's own waits, the
// end of a context.
func clientFault(err error) driver.Fault {
	sent := !isUnsent(err)
	_, network := errors.AsType[net.Error](err)
	switch {
	case isOfType(err, "topology.ServerSelectionError"):
		return driver.Fault{Class: driver.Unavailable, Problem: noServer}
	case errors.Is(err, context.DeadlineExceeded):
		return driver.Fault{Class: driver.Canceled, Sent: sent, Problem: codes[50].text}
	case errors.Is(err, context.Canceled):
		return driver.Fault{Class: driver.Canceled, Sent: sent}
	case !sent, network, mongodriver.IsNetworkError(err), mongodriver.IsTimeout(err), hasLabel(err, transientLabel),
		errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed):
		return driver.Fault{Class: driver.Unavailable, Sent: sent}
	}
	return driver.Fault{}
}

// isAnswered reports whether an error is the answer of a server.
func isAnswered(err error) bool {
	return holds(err, func(e error) bool {
		switch e := e.(type) {
		case mongodriver.WriteException, mongodriver.BulkWriteException:
			return true
		case mongodriver.CommandError:
			return e.Code != 0
		}
		return false
	})
}

// isUnsent reports whether an error is from before anything was sent.
func isUnsent(err error) bool {
	return errors.Is(err, xdriver.ErrDeadlineWouldBeExceeded) || errors.Is(err, mongodriver.ErrClientDisconnected) ||
		isOfType(err, neverSent...) || holds(err, func(e error) bool {
		op, ok := e.(*net.OpError)
		return ok && op.Op == "dial"
	})
}

// isOfType reports whether an error, or one inside it, is of a type that is known by its name alone.
func isOfType(err error, names ...string) bool {
	return holds(err, func(e error) bool { return slices.Contains(names, fmt.Sprintf("%T", e)) })
}

// notCommitted are the answers to the first try of a commit by which the server says that the transaction is not
// committed and never will be. It says the same by the label TransientTransactionError, whatever the number (the
// specification "Transactions"). Every other error of a commit leaves its outcome unknown.
var notCommitted = []int{
	112, // WriteConflict
	225, // TransactionTooOld
	239, // SnapshotTooOld
	244, // TransactionAborted
	246, // SnapshotUnavailable
	251, // NoSuchTransaction
	290, // TransactionExceededLifetimeLimitSeconds
}

// mayHaveCommitted reports whether a transaction may have been committed, by the error of the first try. An answer
// that comes with a write concern error is not settled itself: it may be that of a primary that is no longer one. On
// an error of the network the driver puts the label that the server puts on what did not happen.
func mayHaveCommitted(err error) bool {
	if !isAnswered(err) {
		return !isUnsent(err)
	}
	e, ok := errors.AsType[mongodriver.CommandError](err)
	if !ok || len(e.Raw) > 0 && e.Raw.Lookup("writeConcernError").Type != 0 {
		return true
	}
	return !e.HasErrorLabel(transientLabel) && !slices.Contains(notCommitted, int(e.Code))
}

// isUnsettled reports whether it makes sense to send a commit again of which nothing is known, after an error of the
// network, at an election, and where the majority had too little time. Where the server refuses it, it will go on
// doing so.
func isUnsettled(err error) bool {
	f := faultOf(err)
	return hasLabel(err, networkLabel) || hasLabel(err, retryWriteLabel) || hasLabel(err, unknownLabel) ||
		f.Class == driver.Unavailable || f.Class == driver.Canceled
}

// hasLabel reports whether any error in the tree has a label.
func hasLabel(err error, label string) bool {
	return holds(err, func(e error) bool {
		l, ok := e.(mongodriver.LabeledError)
		return ok && l.HasErrorLabel(label)
	})
}

// holds reports whether an error, or one that it wraps or joins, is such a one. errors.As would find the first of
// a type alone, and the label or the dial that is looked for may be on another.
func holds(err error, is func(error) bool) bool {
	if err == nil {
		return false
	}
	if is(err) {
		return true
	}
	switch e := err.(type) {
	case interface{ Unwrap() error }:
		return holds(e.Unwrap(), is)
	case interface{ Unwrap() []error }:
		return slices.ContainsFunc(e.Unwrap(), func(inner error) bool { return holds(inner, is) })
	}
	return false
}

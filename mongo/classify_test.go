package mongo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"
	mongodriver "go.mongodb.org/mongo-driver/v2/mongo"
	xdriver "go.mongodb.org/mongo-driver/v2/x/mongo/driver"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/topology"

	"github.com/stillframe/stillframe/internal/backend"
	"github.com/stillframe/stillframe/store/driver"
)

func command(code int32, labels ...string) mongodriver.CommandError {
	return mongodriver.CommandError{Code: code, Message: "hunter2", Labels: labels}
}

func write(code int, message string, labels ...string) mongodriver.WriteException {
	return mongodriver.WriteException{
		WriteErrors: mongodriver.WriteErrors{{Code: code, Message: message}}, Labels: labels,
	}
}

func concern(code int) mongodriver.WriteException {
	return mongodriver.WriteException{WriteConcernError: &mongodriver.WriteConcernError{Code: code}}
}

// withoutProblem is the fault of an error without its text, which TestCodes looks at.
func withoutProblem(err error) driver.Fault {
	f := classify(err)
	f.Problem = ""
	return f
}

func TestClassify(t *testing.T) {
	t.Parallel()
	const duplicate = `E11000 duplicate key error collection: game.clubs index: clubs_name dup key: { name: " index: other dup key: " }`
	dial := &net.OpError{Op: "dial", Err: errors.New("refused")}
	read := &net.OpError{Op: "read", Err: io.EOF}
	network := mongodriver.CommandError{Labels: []string{networkLabel}, Wrapped: read}
	for _, tt := range []struct {
		name string
		err  error
		want driver.Fault
	}{
		{
			"Duplicate", write(11000, duplicate),
			driver.Fault{Class: driver.Duplicate, Code: "11000", Constraint: "clubs_name"},
		},
		{
			"DuplicateKey",
			write(11000, "E11000 duplicate key error collection: g.c index: _id_ dup key: { _id: 1 }"),
			driver.Fault{Class: driver.Duplicate, Code: "11000", Constraint: "_id_"},
		},
		{
			"DuplicateCollated",
			write(11000, "E11000 duplicate key error collection: g.c index: n collation: { locale: \"fr\" } dup "+
				"key: { n: \"0x\" }"),
			driver.Fault{Class: driver.Duplicate, Code: "11000", Constraint: "n"},
		},
		{
			"DuplicateOld", write(11001, "E11000 duplicate key error index: g.c.$n dup key: { : 1 }"),
			driver.Fault{Class: driver.Duplicate, Code: "11001", Constraint: "n"},
		},
		{"DuplicateWithoutName", write(11000, "?"), driver.Fault{Class: driver.Duplicate, Code: "11000"}},
		{
			"DuplicateOfMany",
			mongodriver.BulkWriteException{WriteErrors: []mongodriver.BulkWriteError{
				{WriteError: mongodriver.WriteError{Code: 11000, Message: duplicate}},
			}},
			driver.Fault{Class: driver.Duplicate, Code: "11000", Constraint: "clubs_name"},
		},
		{"DuplicateInATx", command(11000), driver.Fault{Class: driver.Duplicate, Code: "11000"}},
		{"WriteConflict", command(112, transientLabel), driver.Fault{Class: driver.Conflict, Code: "112"}},
		{"WriteConflictOfAWrite", write(112, ""), driver.Fault{Class: driver.Conflict, Code: "112"}},
		{"NoSuchTransaction", command(251, transientLabel), driver.Fault{Class: driver.Conflict, Code: "251"}},
		{
			"TransientWithoutAKnownCode", command(99999, transientLabel),
			driver.Fault{Class: driver.Conflict, Code: "99999"},
		},
		{"LockTimeout", command(24, transientLabel), driver.Fault{Class: driver.LockFailure, Code: "24"}},
		{"Validator", write(121, "Document failed validation"), driver.Fault{Class: driver.Refused, Code: "121"}},
		{"TooLarge", command(10334), driver.Fault{Class: driver.Refused, Code: "10334"}},
		{
			"NotPrimary", command(10107, retryWriteLabel),
			driver.Fault{Class: driver.Unavailable, Code: "10107", Sent: true},
		},
		{
			"NotPrimaryNothingWritten", command(10107, retryWriteLabel, noWritesLabel),
			driver.Fault{Class: driver.Unavailable, Code: "10107"},
		},
		{"Shutdown", command(91), driver.Fault{Class: driver.Unavailable, Code: "91", Sent: true}},
		{"SteppedDown", command(189), driver.Fault{Class: driver.Unavailable, Code: "189", Sent: true}},
		{"NotPrimaryNoSecondary", command(13435), driver.Fault{Class: driver.Unavailable, Code: "13435", Sent: true}},
		{"InterruptedAtShutdown", command(11600), driver.Fault{Class: driver.Unavailable, Code: "11600", Sent: true}},
		{"Interrupted", command(11602), driver.Fault{Class: driver.Unavailable, Code: "11602", Sent: true}},
		{"MaxTime", command(50), driver.Fault{Class: driver.Unavailable, Code: "50", Sent: true}},
		{"Standalone", command(20), driver.Fault{Class: driver.Unsupported, Code: "20"}},
		{"StandaloneBegin", errNoTransactions, driver.Fault{Class: driver.Unsupported}},
		{"Unknown", command(26), driver.Fault{Code: "26"}},
		{"WriteConcern", concern(64), driver.Fault{Class: driver.Unavailable, Code: "64", Sent: true}},
		{"WriteConcernUnsatisfiable", concern(100), driver.Fault{Code: "100", Sent: true}},
		{"WriteConcernOfNoName", concern(99999), driver.Fault{Code: "99999", Sent: true}},
		{"Broken", command(1), driver.Fault{Code: "1", Sent: true}},
		{"BrokenStatement", write(1, ""), driver.Fault{Code: "1"}},
		{"TooLargeForCache", command(388), driver.Fault{Class: driver.Refused, Code: "388"}},
		{"NoSuchSession", command(206), driver.Fault{Class: driver.Conflict, Code: "206"}},
		{"StrictAPI", command(323), driver.Fault{Class: driver.Unsupported, Code: "323"}},
		{"Network", network, driver.Fault{Class: driver.Unavailable, Sent: true}},
		{
			"NetworkInATx",
			mongodriver.CommandError{Labels: []string{networkLabel, transientLabel}, Wrapped: read},
			driver.Fault{Class: driver.Unavailable, Sent: true},
		},
		{"Dial", dial, driver.Fault{Class: driver.Unavailable}},
		{"EOF", io.EOF, driver.Fault{Class: driver.Unavailable, Sent: true}},
		{"Canceled", context.Canceled, driver.Fault{Class: driver.Canceled, Sent: true}},
		{
			"Deadline",
			mongodriver.CommandError{Labels: []string{networkLabel}, Wrapped: context.DeadlineExceeded},
			driver.Fault{Class: driver.Canceled, Sent: true},
		},
		{"Disconnected", mongodriver.ErrClientDisconnected, driver.Fault{Class: driver.Closed}},
		{"Value", &driver.ValueError{Field: "F"}, driver.Fault{Class: driver.Refused}},
		{"Other", errors.New("?"), driver.Fault{}},
		{"Nil", nil, driver.Fault{}},
		{"Tried", tried(command(251), true), driver.Fault{Class: driver.Conflict, Code: "251", Sent: true}},
		{"NeverTried", tried(network, false), driver.Fault{Class: driver.Unavailable}},
		{"Unsent", backend.Unsent(network), driver.Fault{Class: driver.Unavailable}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, tt.want, withoutProblem(tt.err))
			if tt.err == nil {
				return
			}
			assert.Equal(t, tt.want, withoutProblem(fmt.Errorf("wrapped: %w", tt.err)), "wrapped")
			assert.Equal(t, tt.want, withoutProblem(errors.Join(errors.New("first"), tt.err)), "joined")
		})
	}
}

// TestMayHaveCommitted has each shape that the error of a commit's first try can have: it may have happened, unless the
// server says that it did not.
func TestMayHaveCommitted(t *testing.T) {
	t.Parallel()
	network := mongodriver.CommandError{
		Labels: []string{networkLabel, transientLabel}, Wrapped: &net.OpError{Op: "read", Err: io.EOF},
	}
	unreached := command(251, transientLabel)
	var err error
	unreached.Raw, err = bson.Marshal(bson.D{{Key: "writeConcernError", Value: bson.D{{Key: "code", Value: 64}}}})
	require.NoError(t, err)
	selection := mongodriver.CommandError{
		Labels: []string{transientLabel}, Wrapped: topology.ServerSelectionError{Wrapped: context.DeadlineExceeded},
	}
	for name, tt := range map[string]struct {
		err  error
		want bool
	}{
		"NoSuchTransaction":        {command(251, transientLabel), false},
		"NoSuchTransactionNoLabel": {command(251), false},
		"WriteConflict":            {command(112), false},
		"TransientOfAnyNumber":     {command(99999, transientLabel), false},
		"NotOfTheMajority":         {unreached, true},
		"WriteConcern":             {concern(64), true},
		"Unsatisfiable":            {concern(100), true},
		"UnknownConcern":           {concern(79), true},
		"SteppedDown":              {command(189, retryWriteLabel), true},
		"NotPrimary":               {command(10107, retryWriteLabel), true},
		"Interrupted":              {command(11602, unknownLabel), true},
		"MaxTime":                  {command(50), true},
		"Unauthorized":             {command(13), true},
		"RawWriteCommandError":     {xdriver.WriteCommandError{}, true},
		"RawWriteConcernError":     {xdriver.WriteConcernError{Code: 64}, true},
		"RawError":                 {xdriver.Error{Code: 11600}, true},
		"Network":                  {network, true},
		"EOF":                      {io.EOF, true},
		"NetTimeout":               {context.DeadlineExceeded, true},
		"Malformed":                {errors.New("malformed wire message"), true},
		"Dial":                     {&net.OpError{Op: "dial", Err: io.EOF}, false},
		"NoServer":                 {selection, false},
		"NoTimeLeft":               {xdriver.ErrDeadlineWouldBeExceeded, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, tt.want, mayHaveCommitted(tt.err))
			assert.Equal(t, tt.want, mayHaveCommitted(fmt.Errorf("wrapped: %w", tt.err)), "wrapped")
		})
	}
}

// A write concern that was not reached says nothing of a write that matched nothing.
func TestMatchedNone(t *testing.T) {
	t.Parallel()
	raw := func(n int32) bson.Raw {
		doc, err := bson.Marshal(bson.D{{Key: "n", Value: n}})
		assert.NoError(t, err)
		return doc
	}
	e := concern(64)
	assert.False(t, isNoMatch(e), "what the answer was is not known")
	e.Raw = raw(1)
	assert.False(t, isNoMatch(e))
	e.Raw = raw(0)
	assert.True(t, isNoMatch(e))
	assert.False(t, isNoMatch(errors.New("?")))
}

// TestCloseEndsLeftovers closes a database that goes on asking a server about a transaction.
func TestCloseEndsLeftovers(t *testing.T) {
	t.Parallel()
	d := &database{watching: &watching{}}
	asked := make(chan struct{}, 1)
	dropped := 0
	settle := func(context.Context) bool {
		select {
		case asked <- struct{}{}:
		default:
		}
		return false
	}
	drop := func(context.Context) { dropped++ }
	require.True(t, d.leftovers.add(settle, drop))
	<-asked
	done := d.leftovers.done
	require.NoError(t, d.Close())
	select {
	case <-done:
	default:
		t.Error("the goroutine goes on")
	}
	require.Equal(t, 1, dropped)
	require.False(t, d.leftovers.add(settle, drop))
}

func TestFollowing(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		prefix, want string
		bound        bool
	}{
		{"", "", false},
		{"a", "b", true},
		{"az", "a{", true},
		{"\uD7FF", "\uE000", true},
		{"\uFFFF", "\U00010000", true},
		{"a\U0010FFFF", "b", true},
		{"\U0010FFFF\U0010FFFF", "", false},
	} {
		next, bound := following(tt.prefix)
		assert.Equal(t, tt.want, next, "%q", tt.prefix)
		assert.Equal(t, tt.bound, bound, "%q", tt.prefix)
	}
}

func TestShardProblem(t *testing.T) {
	t.Parallel()
	assert.Empty(t, shardProblem(bson.D{{Key: "_id", Value: "hashed"}}))
	assert.Empty(t, shardProblem(bson.D{{Key: "_id", Value: 1}}))
	assert.Contains(t, shardProblem(bson.D{{Key: "league", Value: 1}}), "league")
	assert.Contains(t, shardProblem(bson.D{{Key: "league", Value: 1}, {Key: "_id", Value: 1}}), "league, _id")
}

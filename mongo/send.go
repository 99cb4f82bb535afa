package mongo

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	mongodriver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/stillframe/stillframe/internal/backend"
	"github.com/stillframe/stillframe/store/driver"
)

// A write outside a Tx is sent by this package itself, as a command, and sent again by itself. The driver's own
// methods try a write again and again while their context has a deadline, and give out the error of one try only:
// a first try that was done, and whose answer was lost, can hide behind it. Database.RunCommand sends once, so that
// every error is that of one try. Each try carries the same session and number, by which the server knows a write
// that it has done already, and only answers again.

// The waits between the tries of a write or a commit.
const (
	firstWait   = 5 * time.Millisecond
	longestWait = 200 * time.Millisecond
)

// pause waits between two tries. It reports false, at once, where ctx ends sooner.
func pause(ctx context.Context, wait time.Duration) bool {
	if end, ok := ctx.Deadline(); ok && time.Until(end) <= wait {
		return false
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// appendDurable appends the write concern that durable is for the driver's methods.
func appendDurable(b []byte) []byte {
	at, b := beginDocument(appendHeader(b, bson.TypeEmbeddedDocument, "writeConcern"))
	b = appendString(appendHeader(b, bson.TypeString, "w"), "majority")
	b = append(appendHeader(b, bson.TypeBoolean, "j"), 1)
	return endDocument(b, at)
}

// sender sends the writes outside a Tx.
type sender struct {
	database  *mongodriver.Database
	isSharded bool
	isSingle  bool // a standalone server knows no numbers, so that there is one try

	mu   sync.Mutex
	free []*writer // the sessions in which writes are numbered, those that no write is using
}

// deliver sends a write until it is answered or ctx ends, for collection.write. command is a document that begins at a
// position and has no end yet. The error is a [backend.Failure], which knows of every try: Sent, where one of them may
// have been done.
func (s *sender) deliver(ctx context.Context, command []byte, at int) (bson.Raw, error) {
	if s.isSingle {
		answer, err := s.database.RunCommand(ctx, bson.Raw(endDocument(command, at))).Raw()
		return answer, tried(err, err != nil && s.mayBeDone(err))
	}
	w, err := s.take()
	if err != nil {
		return nil, backend.Unsent(err)
	}
	w.number++
	numbered := bson.Raw(endDocument(appendInt64(appendHeader(command, bson.TypeInt64, "txnNumber"), w.number), at))
	inner := mongodriver.NewSessionContext(ctx, w.session)
	mayBeDone, isQuiet := false, true
	for wait := firstWait; ; wait = min(2*wait, longestWait) {
		answer, err := s.database.RunCommand(inner, numbered).Raw()
		if err != nil {
			isSent := s.mayBeDone(err)
			mayBeDone = mayBeDone || isSent
			isQuiet = isQuiet && (isAnswered(err) || !isSent)
			if isWorthRepeating(err) && pause(ctx, wait) {
				continue
			}
		}
		// The server may still be busy with a try that it has not answered, and would have the next write of the
		// session wait for it: such a session is left to expire.
		if isQuiet {
			s.put(w)
		}
		return answer, tried(err, mayBeDone)
	}
}

// tried is the error of a write, with what is known of all its tries.
func tried(err error, mayBeDone bool) error {
	if err == nil {
		return nil
	}
	return &backend.Failure{Err: err, Sent: mayBeDone}
}

// mayBeDone reports whether a write of one document may have been done, by the error of its only try. A node that
// is not the primary says so before it writes anything; a mongos says it of a shard that it may have asked twice.
func (s *sender) mayBeDone(err error) bool {
	if !isAnswered(err) {
		return !isUnsent(err)
	}
	if e, ok := errors.AsType[mongodriver.CommandError](err); ok && !s.isSharded {
		switch e.Code {
		case 10107, 13435, 10058:
			return false
		}
	}
	return faultOf(err).Sent
}

// isWorthRepeating reports whether a try with the same number may be answered otherwise: after an error of the
// network, where nothing was sent, and where the server says so. A server that could not be found has been waited
// for already.
func isWorthRepeating(err error) bool {
	if isAnswered(err) {
		return hasLabel(err, retryWriteLabel)
	}
	f := clientFault(err)
	return f.Class == driver.Unavailable && !isOfType(err, "topology.ServerSelectionError")
}

// writer is a session with the number of its last write.
type writer struct {
	session *mongodriver.Session
	number  int64
}

// firstNumber is far above what the driver has counted in a session before it was taken: a number that the
// server has met already would be an old write.
const firstNumber = 1 << 40

// take returns a session that nobody else uses. The driver gets it back when its client is disconnected only: it
// would go on with smaller numbers, which the server refuses.
func (s *sender) take() (*writer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.free); n > 0 {
		w := s.free[n-1]
		s.free = s.free[:n-1]
		return w, nil
	}
	session, err := s.database.Client().StartSession(options.Session().SetCausalConsistency(false))
	if err != nil {
		return nil, err
	}
	return &writer{session: session, number: firstNumber}, nil
}

func (s *sender) put(w *writer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.free = append(s.free, w)
}

// end gives the sessions to a client that is about to be disconnected, which tells the server that they have ended.
func (s *sender) end(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, w := range s.free {
		w.session.EndSession(ctx)
	}
	s.free = nil
}

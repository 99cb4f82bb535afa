package mongo

import (
	"context"
	"reflect"
	"slices"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	mongodriver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"

	"github.com/stillframe/stillframe/internal/backend"
	"github.com/stillframe/stillframe/store/driver"
)

// watching is the client that change streams go through. A stream has a connection to itself for as long as it waits:
// in the pool of the calls it would keep them waiting, and in one of a single connection for a second at a time.
type watching struct {
	connect func() (*mongodriver.Client, error) // nil where the client is the caller's

	mu       sync.Mutex
	client   *mongodriver.Client // nil until the first stream
	isClosed bool
}

// get returns the client, which it connects for the first stream.
func (w *watching) get() (*mongodriver.Client, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.isClosed:
		return nil, mongodriver.ErrClientDisconnected
	case w.client != nil:
		return w.client, nil
	}
	client, err := w.connect()
	if err == nil {
		w.client = client
	}
	return client, err
}

// close disconnects what get has connected.
func (w *watching) close() {
	w.mu.Lock()
	client := w.client
	w.isClosed, w.client = true, nil
	w.mu.Unlock()
	if client != nil && w.connect != nil {
		_ = disconnect(client)
	}
}

const (
	streamWait   = time.Second           // how long the server waits for an event before it answers that there is none
	streamLimit  = 10 * time.Second      // of one request of a stream
	streamPause  = 10 * time.Millisecond // after a request that has failed; it doubles
	streamPauses = time.Second           // of these
)

// resumeLost are the answers by which the server says that a stream cannot go on where it was: the oplog has rolled
// over, or the token is not one of this collection any more.
var resumeLost = map[int]bool{260: true, 280: true, 286: true}

var _ driver.Watcher = (*collection)(nil)

// Watch implements [driver.Watcher], by one change stream.
func (c *collection) Watch(ctx context.Context, p *driver.WatchParams) error {
	s := stream{collection: c, pipeline: eventsPipeline, reader: &teller{collection: c, params: p}}
	return s.follow(ctx)
}

// isFinal reports whether an error is an answer of the server that is no matter of time.
func isFinal(err error) bool {
	switch faultOf(err).Class {
	case driver.Unavailable, driver.Canceled, driver.Conflict, driver.LockFailure:
		return false
	case driver.Closed:
		return true
	}
	return isAnswered(err)
}

// codeOf is the number of a server's answer, 0 where it is none.
func codeOf(err error) int {
	code := 0
	holds(err, func(e error) bool {
		if command, ok := e.(mongodriver.CommandError); ok {
			code = int(command.Code)
		}
		return code != 0
	})
	return code
}

// stream is a change stream, through all the cursors that it has.
type stream struct {
	*collection
	pipeline mongodriver.Pipeline // what it leaves of an event
	options  []options.Lister[options.ChangeStreamOptions]
	reader   reader
	cursor   int64    // the number of the present one
	token    bson.Raw // after which it goes on; nil at the beginning, and where that cannot be
}

// reader is whom a stream tells.
type reader interface {
	// begin is called when the stream stands, and again when events may have been missed.
	begin()
	// take is called with the events of one answer. No event is given twice between two calls of begin.
	take(events []bson.Raw)
}

// follow reads the stream until ctx ends, and returns early only with what trying again would not mend. The resume
// token is that of the batch, which goes on while nothing is written here: that of the last event can be older than the
// oplog.
func (s *stream) follow(ctx context.Context) error {
	for failures := 0; ; failures++ {
		isBegun, err := s.run(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case isBegun:
			failures = 0
		case err != nil && s.token == nil && isFinal(err):
			return backend.Unsent(err)
		}
		if err != nil && (resumeLost[codeOf(err)] || !isBegun && isFinal(err)) {
			s.token = nil
		}
		if !pause(ctx, min(streamPause<<min(failures, 10), streamPauses)) {
			<-ctx.Done()
			return nil
		}
	}
}

// run opens a cursor and reads it until it breaks. isBegun says that it could be opened.
func (s *stream) run(ctx context.Context) (isBegun bool, err error) {
	client, err := s.db.watching.get()
	if err != nil {
		return false, err
	}
	handle := client.Database(s.db.native.Name(),
		plainCodecs().SetReadPreference(readpref.Primary()).SetReadConcern(readconcern.Majority()))
	o := options.ChangeStream().SetMaxAwaitTime(streamWait)
	if s.token != nil {
		o.SetResumeAfter(s.token)
	}
	begin, cancel := lingering(ctx, streamLimit)
	cursor, err := handle.Collection(s.spec.Table).Watch(begin, s.pipeline, append(s.options, o)...)
	cancel()
	if err != nil {
		return false, err
	}
	s.cursor = cursor.ID()
	defer func() {
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeLimit)
		defer cancel()
		_ = cursor.Close(end)
		// Where ctx has ended a request of the cursor, the driver has forgotten the cursor and Close does nothing.
		_ = handle.RunCommand(end, bson.D{
			{Key: "killCursors", Value: s.spec.Table}, {Key: "cursors", Value: bson.A{s.cursor}},
		}).Err()
	}()
	if s.token == nil {
		s.reader.begin()
		s.token = cursor.ResumeToken()
	}
	return true, s.read(ctx, cursor)
}

// lingering is a context for a request whose answer names what must be closed: it outlives ctx by as long as the
// closing may take. A cursor whose number nobody got would stay at the server for ten minutes.
func lingering(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	inner, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(closeLimit, cancel) })
	return inner, func() {
		stop()
		cancel()
	}
}

// eventsPipeline leaves of an event what says which document it is about.
var eventsPipeline = mongodriver.Pipeline{{{Key: "$project", Value: bson.D{
	{Key: "operationType", Value: 1}, {Key: "documentKey", Value: 1},
}}}}

// read tells of the events of a cursor, batch by batch.
func (s *stream) read(ctx context.Context, cursor *mongodriver.ChangeStream) error {
	for {
		if err := s.batch(ctx, cursor); err != nil {
			return err
		}
		id := cursor.ID()
		if id == 0 { // the collection was dropped or renamed
			s.token = nil
			return nil
		}
		s.cursor = id
	}
}

// batch tells of what one answer holds.
func (s *stream) batch(ctx context.Context, cursor *mongodriver.ChangeStream) error {
	ctx, cancel := context.WithTimeout(ctx, streamLimit)
	defer cancel()
	var events []bson.Raw
	for cursor.TryNext(ctx) {
		events = append(events, slices.Clone(cursor.Current))
		if cursor.RemainingBatchLength() == 0 {
			break
		}
	}
	if err := cursor.Err(); err != nil {
		return err
	}
	s.token = cursor.ResumeToken()
	if len(events) > 0 {
		s.reader.take(events)
	}
	return nil
}

// teller tells the parameters of a Watch which documents were written.
type teller struct {
	*collection
	params *driver.WatchParams
}

func (w *teller) begin() { w.params.All() }

func (w *teller) take(events []bson.Raw) {
	var keys []any
	for _, event := range events {
		key, ok := w.keyOf(event)
		if !ok {
			w.params.All()
			return
		}
		keys = append(keys, key)
	}
	w.params.Wrote(keys)
}

// keyOf is the key of the document that an event is about, false where it is about the collection, or the key is
// none of the mapping's.
func (c *collection) keyOf(event bson.Raw) (any, bool) {
	id := event.Lookup("documentKey", keyPath)
	if id.Type == 0 {
		return nil, false
	}
	at, doc := beginDocument(nil)
	doc = append(appendHeader(doc, id.Type, keyPath), id.Value...)
	record := driver.RecordOf(reflect.New(c.spec.Type).Interface())
	if err := c.decode(record, endDocument(doc, at)); err != nil {
		return nil, false
	}
	return record.Field(&c.spec.Key).Interface(), true
}

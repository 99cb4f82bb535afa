package mongo

import (
	"context"
	"errors"
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	mongodriver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/stillframe/stillframe/internal/backend"
	"github.com/stillframe/stillframe/store"
)

// UnversionedWrite is a write that has changed a document and, as far as the server tells, not its version: a Save or
// Modify that held the version before it was not told, and has overwritten it or will.
type UnversionedWrite[K comparable] struct {
	// Gap says that writes may have been missed before this one, and nothing else is set: the stream has just begun, or
	// the server has no longer what it would go on with.
	Gap bool

	Key  K
	Time time.Time // of the write, by the server's clock, to the second
	// Op is "update", or "replace" where the whole document was: that takes away each field that the writer did not
	// name.
	Op string
	// Fields are the stored paths that an update has set and removed, sorted. They are nil for a replacement.
	Fields []string
	// Known says that the version is known not to have moved on. It is false for a replacement of which the server has
	// no image from before: its version may have moved, or not.
	Known bool
}

// UnversionedWrites calls fn for each write to the collection of r that has changed a document and has not moved its
// version on, whoever makes it, until ctx ends: its error is then that of ctx. It is for finding the programs that must
// be taught to move it, while they and this library write the same documents. Time, operation and fields are what the
// server tells of a write; it does not tell who made it.
//
//	err := mongo.UnversionedWrites(ctx, clubs, func(w mongo.UnversionedWrite[int64]) {
//		slog.Warn("a write without a version", "club", w.Key, "fields", w.Fields, "at", w.Time)
//	})
//
// It notices and does not prevent. It sees what a change stream shows: an update that names no version; one that takes
// the version away; and a replacement, of which the version before is known only where the collection keeps images
// (changeStreamPreAndPostImages, MongoDB 6.0 and later) and the server still has it. With images it also tells of a
// version that went back, which can come to be the same again. It does not see an insert, which overwrites nothing, nor
// a delete, of which the library is told by the missing document; nor that a version was moved by a statement apart
// from the one that has changed the value, of which it tells the latter. A write that sets a field to what it was is
// none. Each write of a transaction counts by itself.
//
// fn must not block, and is called by one goroutine at a time. The first call has Gap set, and means that the stream
// stands: each such write that is acknowledged after it is told, once, through elections and servers that are away for
// a while. What happens while nobody calls UnversionedWrites is not told later: let it run as long as such programs do.
//
// It needs change streams, as [store.Repository.Changes] does, and is ErrUnsupported where Info.Changes is false. Any
// other error means that trying again would not help, such as a privilege that is missing.
func UnversionedWrites[T any, K comparable](
	ctx context.Context, r interface {
		Base() *store.Repository[T, K]
	}, fn func(UnversionedWrite[K]),
) error {
	repo := r.Base()
	err := unversioned(ctx, repo, fn)
	if err == nil {
		err = ctx.Err()
	}
	told, _ := errors.AsType[*store.Error](opening.Error(err))
	told.Op, told.Entity = "unversioned writes", repo.Table()
	return told
}

// unversioned is UnversionedWrites without the form of its errors. It returns nil when ctx has ended.
func unversioned[T any, K comparable](
	ctx context.Context, repo *store.Repository[T, K], fn func(UnversionedWrite[K]),
) error {
	d, ok := backend.DatabaseOf[*database](repo.DB())
	switch {
	case !ok || !d.info.Changes:
		return store.ErrUnsupported
	case fn == nil:
		return backend.Invalidf("the function is nil")
	case repo.Tx() != nil:
		return backend.Invalidf("a transaction cannot wait for the writes of others")
	}
	spec := repo.Spec()
	made, err := d.Collection(&spec)
	if err != nil {
		return err
	}
	c := made.(*collection)
	s := stream{collection: c, pipeline: writesPipeline(c.version.path), reader: &monitor{
		collection: c,
		gap:        func() { fn(UnversionedWrite[K]{Gap: true}) },
		tell: func(w unversionedWrite) {
			fn(UnversionedWrite[K]{Key: w.key.(K), Time: w.time, Op: w.op, Fields: w.fields, Known: w.isKnown})
		},
	}}
	if d.hasImages {
		s.options = append(s.options, options.ChangeStream().SetFullDocumentBeforeChange(options.WhenAvailable))
	}
	return s.follow(ctx)
}

// writesPipeline leaves of the events of updates, replacements and of the collection what says whether the version has
// moved.
func writesPipeline(version string) mongodriver.Pipeline {
	left := bson.D{}
	for _, path := range []string{
		"operationType", "clusterTime", "documentKey", "updateDescription", "fullDocument." + version,
		"fullDocumentBeforeChange." + version,
	} {
		left = append(left, bson.E{Key: path, Value: 1})
	}
	isOther := bson.D{{Key: "$nin", Value: bson.A{"insert", "delete"}}}
	return mongodriver.Pipeline{
		{{Key: "$match", Value: bson.D{{Key: "operationType", Value: isOther}}}}, {{Key: "$project", Value: left}},
	}
}

// unversionedWrite is an UnversionedWrite of any key.
type unversionedWrite struct {
	key     any
	time    time.Time
	op      string
	fields  []string
	isKnown bool
}

// monitor reads of a change stream which writes have not moved the version.
type monitor struct {
	*collection
	gap  func()
	tell func(w unversionedWrite)
}

func (m *monitor) begin() { m.gap() }

func (m *monitor) take(events []bson.Raw) {
	for _, event := range events {
		w, ok := m.writeOf(event)
		if ok {
			m.tell(w)
		}
	}
}

// change is what an event says of an update or a replacement.
type change struct {
	Op      string         `bson:"operationType"`
	Time    bson.Timestamp `bson:"clusterTime"`
	After   bson.Raw       `bson:"fullDocument"`
	Before  bson.Raw       `bson:"fullDocumentBeforeChange"`
	Changes struct {
		Updated   bson.Raw `bson:"updatedFields"`
		Removed   []string `bson:"removedFields"`
		Truncated []struct {
			Field string `bson:"field"`
		} `bson:"truncatedArrays"`
	} `bson:"updateDescription"`
}

// writeOf judges an event. It reports false where the version has moved on, and where the event is about no document of
// the mapping.
func (m *monitor) writeOf(event bson.Raw) (w unversionedWrite, ok bool) {
	var e change
	if bson.Unmarshal(event, &e) != nil || e.Op != "update" && e.Op != "replace" {
		return w, false
	}
	key, ok := m.keyOf(event)
	if !ok {
		return w, false
	}
	w = unversionedWrite{key: key, time: time.Unix(int64(e.Time.T), 0).UTC(), op: e.Op, isKnown: true}
	path := m.version.path
	before, _ := versionIn(e.Before, path)
	hasBefore := e.Before != nil
	if e.Op == "replace" {
		after, _ := versionIn(e.After, path)
		w.isKnown = hasBefore
		return w, !hasBefore || after <= before
	}
	w.fields = fieldsOf(&e)
	after, isSet := versionIn(e.Changes.Updated, path)
	return w, !isSet || hasBefore && after <= before
}

// versionIn is the version that a document holds. It reports false where it holds none, or there is no document.
func versionIn(doc bson.Raw, path string) (int64, bool) {
	value, err := doc.LookupErr(path)
	if err != nil {
		return 0, false
	}
	return value.AsInt64OK()
}

// fieldsOf are the paths that an update has changed.
func fieldsOf(e *change) []string {
	paths := slices.Clone(e.Changes.Removed)
	elements, _ := e.Changes.Updated.Elements()
	for _, element := range elements {
		paths = append(paths, element.Key())
	}
	for _, array := range e.Changes.Truncated {
		paths = append(paths, array.Field)
	}
	slices.Sort(paths)
	return slices.Compact(paths)
}

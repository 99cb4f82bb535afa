package mongo

import (
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	mongodriver "go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/stillframe/stillframe/internal/backend"
	"github.com/stillframe/stillframe/store"
)

// Options configure [Open] and [New]. The zero value is the default.
type Options struct {
	// Store holds what is the same for every backend. Defaults to the zero [store.Options].
	Store store.Options

	// Registry holds codecs for types of the caller's own. A type for which it has another codec
	// than the driver's standard one is stored by that codec, at every depth of an entity, and
	// cannot be compared in a query. The registry is only read, and must not be changed after it
	// was handed over. Defaults to none.
	Registry *bson.Registry

	// LinearizableReads makes Get, Reload and IsStale outside a Tx ask the majority before they
	// answer, and Modify and Upsert before they take an entity for missing. So neither a primary
	// that has lost an election without knowing it gives an old answer, nor one that has just won
	// it and does not know yet what the majority has. Such a read costs about as much as a
	// write. Defaults to false.
	LinearizableReads bool

	// ReadTimeout bounds each read, at the client and, as maxTimeMS, at the server. The caller's
	// own deadline counts too, the sooner of the two. Defaults to 30 s.
	ReadTimeout time.Duration

	// WriteTimeout bounds each insert, update and delete outside Atomic in the same way: how long
	// it waits for a primary, for a document that a transaction holds, and for the majority, and
	// so for how long a write whose caller is gone can still land. It should stay below
	// store.TxOptions.RunTimeout. Defaults to 4 s.
	WriteTimeout time.Duration

	// Validators makes a $jsonSchema validator part of each collection's schema: it refuses
	// documents whose mapped fields have other types or longer texts than the mapping says,
	// whoever writes them. EnsureSchema creates it with the collection, DDL prints it and
	// CheckSchema misses it. Defaults to false.
	Validators bool

	// ChangeClient is the client that change streams go through, by which package refresh is told of the writes of
	// others. Each collection that is watched has a connection of its pool to itself. It stays the caller's. Where
	// it is nil, Open connects a client of its own when the first stream is needed, with what the uri says but a
	// pool of 100, and New has no change streams, so that such writes are found by looking. Defaults to nil.
	ChangeClient *mongodriver.Client
}

// withDefaults returns a copy of the options in which what was left at zero has its default. One below zero is
// an ErrInvalid that names it: taken for a default, it would hide a mistake in a computation.
func (o *Options) withDefaults() (Options, error) {
	v := backend.Options(o)
	switch {
	case v.ReadTimeout < 0:
		return v, backend.Negative("Options.ReadTimeout", v.ReadTimeout)
	case v.WriteTimeout < 0:
		return v, backend.Negative("Options.WriteTimeout", v.WriteTimeout)
	}
	v.ReadTimeout = backend.OrDefault(v.ReadTimeout, 30*time.Second)
	v.WriteTimeout = backend.OrDefault(v.WriteTimeout, 4*time.Second)
	return v, nil
}

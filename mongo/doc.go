// Package mongo keeps entities in MongoDB (5.0 and later), through
// go.mongodb.org/mongo-driver/v2.
//
// [Open] connects a client of its own, [New] takes one that the caller has. Either way reads are
// majority reads on the primary and writes are acknowledged by the majority's journals, whatever
// the client's own settings are. A client with w=0, which hides a lost write, is refused. One that is
// strict about the server's stable API, version 1, and one with a registry of its own are as good as
// any; of a strict one's server Info().Server knows no more than "6.0".
//
// A replica set and a sharded cluster have transactions, a standalone server has not: there Atomic,
// View and InsertMany of more than one are ErrUnsupported before any I/O, and single documents work
// as everywhere. Info().Server says which it is.
//
// # How it works
//
// A write is one updateOne that names _id and version, and sets the changed fields and the version:
// fields that the entity does not map stay. Nested structs are written by their paths ($set of
// "address.city"), so that this is true inside them too; where it is not known that a document is
// stored at a path, the update is a pipeline that merges into what is. A slice and a map are one value,
// and so is a struct with an inline map, which keeps what has no field.
//
// Atomic is one snapshot transaction; a View is a snapshot session, whose reads are of one
// majority-committed moment and hold nothing at the server.
//
// # What happened, and what is said
//
// A write outside Atomic is sent by this package, and not by the driver's own methods: these try a
// write again until the context's deadline and tell of the last try alone, behind which a first try
// that was done can hide. Here every try has the same session and number, by which the server knows a
// write that it has done already, and every error is that of one try. After an error of the network, or
// of an election, the write is tried again until Options.WriteTimeout. When no try could be
// acknowledged, the error is ErrUnknownOutcome where any of them may have been done, whatever the last
// one was answered; it is another error only where none was.
//
// A commit is sent again too. It is known not to have happened where its first try was answered with
// the label TransientTransactionError or with one of the numbers 112, 225, 239, 244, 246, 251 and 290,
// without a write concern error beside it, and where nothing was ever sent. After every other error, and
// after any error of a later try, its outcome is unknown until a try is acknowledged. The same holds for
// the transaction of InsertMany. Reads have no outcome; the driver tries them again until their deadline.
//
// # Bounds
//
// Each call has a deadline (Options.ReadTimeout, Options.WriteTimeout, in Atomic that of the run),
// which the server is told too: an abandoned statement ends by then.
//
// No transaction outlives its call by long. Where the server has not said that it is over, or an
// operation of it was never answered and may still arrive, a later transaction of the same session takes
// its place: that ends it, and has the server refuse what arrives later. Where the server does not answer
// this either, it is tried again in the background, every quarter of a second and for five minutes, so
// that the documents are free within seconds of the server's return. Close ends that. A transaction whose
// client has died is ended by the server alone, after its transactionLifetimeLimitSeconds, 60 s by
// default, which no client can shorten.
//
// # Values
//
// Names come from the bson tags, as the driver reads them: omitempty, inline, minsize and truncate
// among them. The key is stored as _id; a struct key is a subdocument with its fields in the order
// of the struct, which is part of its identity. With store:"key,auto" a bson.ObjectID is made by
// the client, before the insert is sent, so that a lost answer can be looked up by it.
//
// A value is stored by the codec that Options.Registry has for its type, else by its own BSON codec
// (MarshalBSONValue), else through Value and Scan, else by its kind, at every depth. Integers are
// int64 (int32 in nested values of small types, and with minsize), decimals Decimal128, times dates
// of milliseconds, a [16]byte is a UUID (binary subtype 4), other byte arrays and []byte are binary
// subtype 0, bson.ObjectID is itself, NULL is null. What a field may hold is read in any type that
// holds the same value: an int field reads int32, int64 and whole doubles, and refuses a string. A
// field that omitempty leaves out is missing: to a query it is NULL, and it reads as the zero value. It
// leaves out nil, zero, and what is empty; of a type with IsZero what is zero in every part. In nested
// structs names match exactly, and have no dot and no dollar in front. Map keys are stored by MarshalKey
// or MarshalText where the type has the way back too.
//
// A key is stored by its type's own codec, or that of Options.Registry, too. It is ordered as what is
// stored, and has no prefixes.
//
// # Queries
//
// Strings compare by code point: the simple collation is stated where it matters. A document that
// holds an array where the mapping has a scalar matches no comparison. CheckSchema names such
// documents.
//
// A decimal is written as Decimal128. One that another program stored as a double compares as the number
// that is read, but for more than 15 digits; an order refuses it by name, and every query on the field
// what is stored as text and selected by the rest of the query: to the server it is no number.
//
// [Where] takes a condition in MongoDB's own language.
//
// # Collections that exist
//
// Documents without a version read as version 0 and get one with their first write. Programs that
// know no versions should add {$inc: {version: 1}} to their updates. [UnversionedWrites] tells of the
// writes of those that do not. A validator cannot refuse them: it does not see the document from
// before. CheckSchema lists missing and
// different indexes, documents without a version, fields of another type, a collation, and a shard
// key under which _id is not unique, each with the mongosh statement that mends it.
package mongo

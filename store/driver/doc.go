// Package driver is the boundary between package store and a database.
//
// A backend implements [Database], [Collection] and [Tx]; nobody else needs this package. It
// imports the standard library only.
//
// The rule of the boundary: a driver reports facts, package store decides what they mean. An
// update that matched no row is therefore a [WriteResult], not an error, and a real failure is
// returned as the database's client gave it, with [Database.Classify] beside it to say what it is.
//
// What is the same for every database happens before a driver is called: the mapping was checked,
// values are valid and normalized (UTC, cut to [Info].TimePrecision, finite, valid UTF-8, within
// their sizes), versions were compared where that needs no I/O, queries were resolved to fields,
// their negations pushed to the leaves, and their order made total. A driver never does
// the caller's work again; it may send one request again where that is the same to the server, such as a
// commit whose answer was lost. It keeps no state of an entity and starts no goroutine that outlives a call,
// but one that has the server end what a call had to leave behind; Close ends that one.
//
// Package storetest holds the conformance suite that says whether a backend is right.
package driver

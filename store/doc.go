// Package store keeps the state of a program in MS SQL Server, MySQL and MongoDB behind one
// repository, on one conviction: an entity in memory is a still frame, a copy of what the database
// held at one moment. It is never a live mirror.
//
// So a copy says which version it is and when it was read, reloading it is explicit, and writing it
// back is either a short read/modify/write ([Repository.Modify]) or conditional on its version
// ([Repository.Save]). What cannot be known (did that commit land?) is said, never guessed.
//
// A backend's Open makes a [DB]; package memstore has one that runs in the process.
// [NewRepository] checks the mapping of a type once and makes a [Repository] over a table.
//
// # Which call
//
//   - to look: Get, GetMany, First, Find, Page, Count
//   - to change what is there now: Modify, or Upsert where it may not be there yet
//   - to change what a person has been looking at: Save, with the copy they saw
//   - to change many entities of one table together: ModifyMany, SaveMany, DeleteMany; ReloadMany for many copies
//   - to change several entities together: [DB.Atomic], with Modify in it
//   - to decide by an entity that is only read: Touch it in the same Atomic
//   - to add up several reads: [DB.View]
//   - to do a thing once, however often it is asked for: [Once]
//   - to have the newest state in a variable that others hold: Reload, and IsStale to ask first
//
// # Entities
//
// An entity is a struct with a key and a version, which [NewRepository] describes. It may check itself:
// where T or *T has the method
//
//	Validate() error
//
// every call that writes fields of an entity runs it first (Insert, InsertMany, Save, and Modify and
// Upsert when there is anything to write). Its error is returned as an ErrInvalid that wraps it, and
// nothing is written. Where it wraps an outcome of another call, ErrNotFound say, that one does not show.
//
// # The guarantees
//
// Each holds on every backend, and package storetest has the tests named after it.
//
// Copies. What a read returns shares no memory with the library or with another read. There is no
// identity map, no cache and no lazy loading. NULL clears a field; maps and slices are new.
//
// Fresh reads. A read outside a transaction that begins after a write was acknowledged sees that
// write or a newer one. It holds while the deployment has one primary and the server does not
// forget what it has acknowledged. ReadAt is taken before the request is sent, in a View (and in an
// Atomic where [Info] says SnapshotTx) before the first request.
//
// Reload. It replaces every mapped field, in place, and only on success. A missing row is
// [ErrNotFound] and leaves the value as it was.
//
// Versions. Insert stores 1, each write adds exactly 1, and where calls share a write each that changes
// something does; a version that the database moves
// (version,auto) changes with each write instead. The version in memory moves only after the write
// is known to have happened; on any error the entity is as it was before the call. A stored version
// that is missing or NULL reads as 0 and is matched as 0 or absent. A copy that was never read is
// ErrInvalid: zero never means that the check is skipped. With [RepositoryOptions].SkipUnchanged, a Save outside a Tx
// of a copy that still holds what was stored when it was read or written looks at the version and moves nothing.
//
// In a Tx that does not commit nothing happened. A write in Atomic counts as happened when the
// commit is acknowledged. Each entity that a call was handed by pointer is put back, in key, version,
// times and generated fields, and after Reload as a whole, before every new run and whenever Atomic ends
// without a known commit.
//
// Named outcomes. Conflict, not found, already exists and unknown outcome are different errors,
// always. A conflict carries the key, the expected version and the one seen after the write failed.
//
// No accidental upsert. Save and Modify never create, Insert never overwrites. What an entity does
// not map stays as it is: at the top level everywhere, and inside nested structs where
// Info.NestedPaths says so, as on MongoDB. A slice, a map and SQL's JSON column are one value each,
// which a write of it replaces.
//
// Modify. It reads fresh, runs the function on that copy and writes only what changed, if anything
// did. On a conflict it starts again, within bounds. The function's error ends it with nothing
// written. The calls of one process on one entity outside a Tx take turns, so that they do not race each
// other; whoever takes long is passed by.
//
// Combined calls. With [RepositoryOptions].Combine, calls of one process on one entity may share a write. Each
// that changes something has a version of its own and returns the state of that version; the states between are
// never stored. No call is answered before what its function saw is known to be stored, or was read after the call
// had begun. What the database refuses, or Validate, is its author's alone; an unknown outcome is that of all whose
// changes were in the write.
//
// Many at once. SaveMany, ModifyMany and DeleteMany write all of their entities or none, each on its own version.
// The error names every entity that stood in the way, and in a Tx nothing of the call is left by it.
//
// Atomic. It commits if and only if the function returned nil and no operation of the Tx failed.
// Deadlocks, write conflicts and transient failures run the whole function again; with
// [Options.Rehearse] a test sees whether that does harm.
//
// Reads in a Tx. They see the Tx's own writes. In Atomic each read has its own moment, or the Tx's
// where Info says SnapshotTx; in View all have one.
//
// Reload and Modify in a Tx. They are current: no Tx that commits has written an entity over a
// version that it did not see. An entity that was only read may change before the commit, unless
// reads lock (Info.LockingReads) or it is written with Modify or Touch.
//
// Find. It holds no connection, cursor or lock while the loop's body runs. Its order always ends in
// the key.
//
// Queries. They mean the same everywhere, and they are two-valued: a comparison with NULL is false,
// and its [Not] is true. NULL sorts first. Find and Page go on by what is stored, so that they give each
// row once whatever another program has stored in the columns that they sort by. Where a server does
// not sort values as it compares them, the call that meets them is refused with the field's name.
//
// Cursors. A cursor of Page is sealed. Nobody can read it, and it is ErrInvalid before any I/O for every
// query but its own, with every value and argument of its conditions, for any other table or database,
// and when a character of it was changed.
//
// Told writes. OnWrite is told of each write of its DB that has happened, or may have, before the call returns, and of
// none that did not happen. Where Info says Changes, [Repository.Changes] is told of every write to the table that is
// acknowledged after its first call, whoever makes it; what it may have missed it says.
//
// Unknown outcome. When a connection breaks so that a write may or may not have happened, the error
// says so, and no loop repeats that write.
//
// Once. The writes of the function happen once for a key in the database, whoever calls, and whatever
// answer is lost. A receipt counts when a read shows it that cannot be taken back, and never because an
// insert of it was told to be a duplicate. An outcome that is not known stays unknown through later
// errors of the call.
//
// Same values. What was written is what is read, on every backend, or the write is refused: valid
// UTF-8, integers within int64, finite floats, times from year 1 to 9999 in UTC and cut to
// Info.TimePrecision, in memory too. JSON whose numbers a server would keep as others is refused, and a
// json.RawMessage in memory has the form of a read. A key that the database makes and the key's field
// cannot hold leaves no row.
//
// What the server writes. A field tagged generated is never sent, and read back with each write: what is in memory
// is what is stored under that version. A version that a trigger moves on is read back with it; without such a
// field the next write of the copy is a conflict.
//
// Nothing of the caller's is written to but the entity. What an entity points at may be shared with
// others: where a time in it must be cut, the entity gets a copy. On an error it has back what it had.
//
// The user's code. Codecs, Validate, native conditions, hooks and clocks may panic or call
// runtime.Goexit at any point: it goes through, and no lock or transaction stays behind.
//
// Cancellation. A context that has ended before the call means that nothing is sent. One that ends
// during it gives its error and, for a write, says whether that may have landed.
//
// Nothing leaks. No goroutine, connection, cursor or transaction outlives the call, and the text of
// an error holds no field value, password or server message.
//
// # What a version cannot see
//
// A version belongs to one life of one key. It does not notice that a key was deleted and inserted
// again and happens to have the same version, that a copy's key was changed by hand, or that another
// program wrote without moving the version; the last is what version,auto and the triggers that
// CheckSchema proposes are for.
package store

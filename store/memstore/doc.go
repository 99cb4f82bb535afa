// Package memstore is the in-process backend of package store: the reference that says what the
// others must do, the embedded default, and the fake on which unit tests run.
//
// It behaves as a database does, not as a map does. Committed rows are kept in versions, so that a
// View, a Find and a Count each see one moment; writes take row locks that a transaction holds
// until it ends; a writer waits for the holder, in the order of arrival, until the lock is granted,
// its context ends or [Options].LockTimeout passes; a circle of waiters is found when it closes and
// its last member is the victim; unique indexes are checked; nothing of a transaction that rolled
// back remains. A program that is correct here may still meet less on a server: strings are
// compared by code point here, never folded.
//
// # Two families
//
// By default the database is of the locking family, as MySQL and SQL Server are: a transaction reads
// what is committed at each read, and a locking read waits for the row. [Options].SnapshotReads makes
// it of MongoDB's family: a transaction has one snapshot, taken at its first operation, its reads
// lock nothing, and a write of a row that someone else has written since is a write conflict at once.
// [Options].NoTransactions makes it a standalone MongoDB, which has no transactions at all.
//
// # Tables
//
// A table is made by the first insert into it, with the columns and the unique indexes of the mapping
// that inserts, or by EnsureSchema. Making a table or a column is not part of a transaction. Several
// mappings may share a table: they meet in the stored names. A column that a row does not have is
// NULL; the two are never told apart.
//
// # Faults and the second client
//
// [Options].Fault is called before each operation and can make it fail in each of the ways in which a
// server fails, the lost answer included. [Native] gives the raw rows to a test that plays a second
// client: one that moves no version, leaves columns out, or removes a row that others have read. It
// obeys the same locks.
package memstore

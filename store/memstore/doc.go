// Package memstore is the in-process backend of package store: the reference that says what the
// others must do, the embedded default, and the fake on which unit tests run.
//
// It behaves as a database does, not as a map does. What is committed never changes: a commit puts another
// state in its place, so that a View, a Find and a Count each see one moment. Writes take row locks that a
// transaction holds until it ends; a writer waits for the holder, in the order of arrival, until the lock is
// granted, its context ends or [Options].LockTimeout passes; a circle of waiters is found when it closes and
// its last member is the victim; unique indexes are checked; nothing of a transaction that rolled back
// remains. A program that is correct here may still meet less on a server: strings are compared by code
// point here, never folded.
//
// # Two families
//
// By default the database is of the locking family, as MySQL and SQL Server are: a transaction reads
// what is committed at each read, and a locking read waits for the row. [Options].SnapshotReads makes
// it of MongoDB's family: a transaction has one snapshot, taken at its first operation, its reads
// lock nothing, and a write of a row that someone else has written since is a write conflict at once.
// [Options].NoTransactions makes it a standalone MongoDB, which has no transactions at all.
//
// # Cost
//
// A read takes no lock of the database's, and a View, however long it is open, holds up nobody and costs
// the memory of the rows that were replaced since. A table is held in the order of its keys. A Get, a page
// of a Find in that order or against it, and a condition on the key, on its first parts or on all fields
// of a unique index, go straight to their rows. Any other order, that of an index among them, is sorted when
// it is used again, which the second page of a Find does, and brought up to date when it is used after
// writes: the pages of a whole Find look at each row once, whatever the order. A table keeps eight orders
// sorted, those that were used last; each takes the memory of a second key. What no order leads to is found
// by looking at all rows.
//
// # Tables
//
// A table is made by the first insert into it, with the columns and the unique indexes of the mapping
// that inserts, or by EnsureSchema. Making a table or a column is not part of a transaction. Several
// mappings may share a table: they meet in the stored names. A column that a row does not have is
// NULL; the two are never told apart.
//
// With [Options].Like the database refuses what MySQL, SQL Server or MongoDB would. Under "mysql" and "sqlserver"
// a table exists from EnsureSchema on and never gets a column by itself: what a program forgot to migrate fails in
// its unit tests. [Database.AddColumns] is the migration.
//
// # Faults and the second client
//
// [Options].Fault is called before each operation and can make it fail in each of the ways in which a
// server fails, the lost answer included. [Database.FailNext] does it for the next operations of an open
// database. [Native] gives the raw rows to a test that plays a second client: one that moves the version or
// does not, leaves columns out, or removes a row that others have read. It obeys the same locks.
package memstore

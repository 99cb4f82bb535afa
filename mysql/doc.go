// Package mysql keeps entities in MySQL (8.0.17 to 9.x) and MariaDB (10.6 and later), through
// github.com/go-sql-driver/mysql.
//
// [Open] makes a pool of its own, each of whose connections it puts into the state that the
// guarantees of package store need: READ COMMITTED, a strict sql_mode, UTC, a bounded wait for
// locks. [New] takes a pool that the caller has, and refuses it where a setting is unsafe, with
// the name of each such setting and what to do about it.
//
// # How it works
//
// Writes are single statements that name key and version. Reads that lock are SELECT … FOR UPDATE.
// A View is a REPEATABLE READ transaction, read only. Prepared statements are kept
// for each connection, Options.Statements of them: the server holds no more than that times the
// connections. Statements of changing size have few texts: lists are filled up to a power of two.
//
// Commit and rollback end by their deadline whatever the server does: the connection is then
// closed, and the outcome of the commit is unknown.
//
// A call without a deadline ends with an error when the server has been silent for 10 minutes in the middle of it. The
// DSN's readTimeout and writeTimeout are other bounds for that, as for an index over a very large table.
//
// An abandoned statement (its caller was cancelled, its client is gone) is run to its end by the
// server; while it waits for a lock that is after Options.LockTimeout at the latest.
//
// # Values
//
// Times are DATETIME(6), in UTC. Strings are VARCHAR and LONGTEXT, compared by code point:
// utf8mb4_0900_bin, in MariaDB utf8mb4_nopad_bin. Byte arrays are BINARY, a [16]byte is BINARY(16),
// floats are DOUBLE, what is tagged json, and each struct, map and slice, is JSON, whose keys the
// server may put into another order. An existing table may have other types where they hold the
// same values; CheckSchema names those that do not.
//
// # Tables that exist
//
// A table needs a version column; CheckSchema prints the ALTER. Programs that know no versions can
// go on writing to it when Options.VersionTriggers has a trigger made that moves the version for
// them. REPLACE starts a row's versions anew, so that it must not be used.
package mysql

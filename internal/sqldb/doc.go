// Package sqldb is the SQL core that the backends mysql and sqlserver share. It implements the
// boundary of package driver over a [database/sql] pool; what differs between servers stands in a
// [Dialect].
//
// Statements run on the driver's own connection, which [database/sql.Conn.Raw] gives out. So a
// statement that was sent is never sent a second time behind our back, each error is known to have
// come before or after the statement was sent, and prepared statements are kept for each
// connection, as many as the server is asked to hold and no more.
package sqldb

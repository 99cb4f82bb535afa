// Package sqlserver keeps entities in SQL Server (2019 and later), Azure SQL Database and Babelfish,
// through github.com/microsoft/go-mssqldb.
//
// [Open] makes a pool of its own. Its connections are encrypted and the server's certificate is
// checked unless the DSN says otherwise (encrypt, trustservercertificate); the client's own default
// would encrypt the login alone. [New] takes a pool that the caller has, and refuses it where a
// setting is unsafe, with the name of each such setting and what to do about it.
//
// # How it works
//
// A pooled connection loses its settings whenever it is handed out, all but the isolation level of
// its last transaction. So each transaction states what it needs, and so does each statement that
// is a transaction of its own: XACT_ABORT, LOCK_TIMEOUT (Options.LockTimeout) and READ COMMITTED.
// Nothing depends on the session that a caller's pool happens to have.
//
// Each UPDATE and DELETE names key and version and asks for its own @@ROWCOUNT in the same batch:
// the rows that triggers write, and NOCOUNT, change nothing. Reads that lock are WITH (UPDLOCK,
// ROWLOCK). Keys that the database makes (IDENTITY) come by OUTPUT … INTO, which tables with
// triggers allow. A trigger must return no rows. One that says no must THROW or ROLLBACK: after RAISERROR alone the
// statement goes on, and what it wrote is kept. Such an error is ErrUnknownOutcome outside a transaction; Atomic rolls
// back.
//
// When a ctx ends, the client asks the server to stop and waits for it to confirm. On the pool that
// Open makes it waits half a second at most; then its socket is closed, and the call returns. So the
// deadlines of commit and rollback hold on a server that is gone, and the login has one at all. A
// pool that New is given has the client's own 5 s, which may pass twice.
//
// A View is a SNAPSHOT transaction. Where the database does not allow them, View is ErrUnsupported,
// and names the ALTER DATABASE to run; open it again then.
//
// # What Open finds
//
// With a Logger in the store options, Open and New log what they have found:
//
//   - read_committed_snapshot: off, a read waits for the writers of its rows, up to LockTimeout, and
//     one SELECT over many rows may see some before and some after another's change. Use a View, or
//     turn it on.
//   - snapshot_isolation: off, there are no Views.
//   - xact_abort, nocount: what the session has; the library's statements set the first, and do not
//     mind the second. In NativeTx XACT_ABORT is on, so that any error ends the transaction.
//   - collation, code_page: what varchar columns can hold. A string with another character is
//     ErrInvalid before anything is sent, since the server would put another in its place. Open and New
//     send some characters there and back: where they come back as others, and in databases of a code
//     page with more bytes for a character (932, 936, 949, 950) or of DOS (437, 850), a varchar field
//     takes ASCII alone.
//   - compatibility_level: below 110 no rows can be read in pages, so that Open and New refuse it with
//     the ALTER DATABASE to run.
//
// A pool of sql.Open("mssql", …), whose client rewrites parameters, is refused: sql.Open("sqlserver", …).
// IMPLICIT_TRANSACTIONS on, or ANSI_WARNINGS, ANSI_NULLS or QUOTED_IDENTIFIER off, is refused.
//
// # Versions that the database moves
//
// store:"version,auto" on an int64 is a ROWVERSION column, whose 8 bytes are read big-endian. Any
// write by any program moves it, so that a stored procedure or an old service is noticed too; "adds
// exactly 1" becomes "changes". A trigger that updates the row once more moves it past what the
// writer was told, so that its next Save is a conflict. InsertMany costs a round trip for each
// entity where the key is not made by the database as well. In Babelfish the value is that of the
// transaction: two writes in one have the same.
//
// # Values
//
// Text goes as NVARCHAR(MAX), or VARCHAR(MAX), so that the server needs one plan for a statement and not one for each
// combination of lengths, and is compared as NVARCHAR(4000), or VARCHAR(8000), so that indexes are searched.
// Times are DATETIME2(7) in UTC, cut to a microsecond. Strings are NVARCHAR, or VARCHAR where the
// mapping says varchar, in a binary collation. NVARCHAR(n) counts UTF-16 units: EnsureSchema makes
// it twice the size of the mapping, and on a narrower column the server refuses what does not fit
// (ErrInvalid); nothing is cut. Trailing spaces do not count in comparisons, strings sort by UTF-16
// unit and UUIDs (UNIQUEIDENTIFIER) by their last bytes first: Info says so. Unique indexes pass
// over NULL (… WHERE column IS NOT NULL), so that several rows may have none. Booleans are BIT, byte
// arrays BINARY, floats FLOAT; what is tagged json, and each struct, map and slice, is text.
//
// # What only SQL Server can decide
//
// docs/SQLSERVER.md says of each guarantee what shows it.
//
// The tests run on Babelfish where there is no SQL Server, and on a recording of it where there is
// neither. The recording shows that statements and decoding did not change. Microsoft's own parser takes
// every statement of the library at the compatibility levels 110 to 150 (at 100 it refuses the reads that
// are sorted and bounded), and its model of a database resolves their columns and variables, but for
// those of the server's catalogue: make tsql. What a server makes of a statement neither can show.
// Besides, these tests mean less there, or are skipped:
//
//   - TestLockingReadsAreHonest, TestDeadlock, TestLockTimeout: Babelfish parses lock hints and
//     ignores them, so that waits and deadlocks come with the write, not with the read.
//   - TestViewsNeedSnapshotIsolation: in Babelfish snapshot isolation cannot be turned off.
//   - TestNewAudits (Implicit, Warnings): Babelfish does not tell these settings.
//   - TestClassify for 2601, 3960, 1222, 2628 and Azure's numbers: Babelfish gives 2627 or the text
//     of PostgreSQL.
//   - TestMadeKeysUnderATrigger: Babelfish takes OUTPUT without INTO too, and its ROWVERSION stays
//     the same within a transaction.
//   - TestVarchar: that an index on a varchar column is used, and other code pages than 1252.
//   - TestNothingIsCut, TestFoldingKeys: Babelfish counts characters, and has its own padding.
//   - TestAdoption: the catalogue says nothing of filters, and some columns cannot be altered.
//   - TestCancelledTx: Babelfish does not answer the attention, so that the connection is lost with
//     each cancelled statement. That SQL Server's stays in use is not shown.
//   - tests side by side: Babelfish reads the columns of all tables to tell those of one, and fails
//     (33557097) or crashes where another table goes meanwhile; there they run one after another.
//   - the cost of a new connection, about a second of Babelfish's processor before it knows its own
//     catalogue: a large pool that fills up at once meets its deadlines there.
//   - READ COMMITTED without READ_COMMITTED_SNAPSHOT, which Babelfish does not have.
package sqlserver

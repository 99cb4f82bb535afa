package mysql

import (
	"slices"

	"github.com/stillframe/stillframe/internal/sqldb"
	"github.com/stillframe/stillframe/store/driver"
)

// codes are what the server's errors mean, gone through by the servers' own lists: messages_to_clients.txt of
// MySQL, errmsg-utf8.txt of MariaDB. A number that is missing is classed by its SQLSTATE. docs/ERRORS.md is
// written from it.
var codes = sqldb.NewCodes(slices.Concat(passingCodes, lastingCodes))

// passingCodes are those after which the same call may succeed, and those that say that something exists.
var passingCodes = []sqldb.CodeGroup{
	// What is stored already.
	{Class: driver.Duplicate, Rows: []sqldb.CodeRow{
		{Number: 1022, Name: "ER_DUP_KEY", Text: "a unique value is stored already"},
		{
			Number: 1062, Name: "ER_DUP_ENTRY",
			Text: "the key or a unique value is stored already: Error.Constraint names the index",
		},
		{Number: 1169, Name: "ER_DUP_UNIQUE", Text: "the key or a unique value is stored already"},
		{
			Number: 1586, Name: "ER_DUP_ENTRY_WITH_KEY_NAME",
			Text: "the key or a unique value is stored already: Error.Constraint names the index",
		},
		{
			Number: 1761, Name: "ER_FOREIGN_DUPLICATE_KEY_WITH_CHILD_INFO",
			Text: "a foreign key that cascades would store a key or a unique value twice",
		},
		{
			Number: 1762, Name: "ER_FOREIGN_DUPLICATE_KEY_WITHOUT_CHILD_INFO",
			Text: "a foreign key that cascades would store a key or a unique value twice",
		},
		{Number: 1859, Name: "ER_DUP_UNKNOWN_IN_INDEX", Text: "the key or a unique value is stored already"},
		{Number: 3026, Name: "ER_DUP_LIST_ENTRY", Text: "the value is in the list already"},
	}},
	// Another transaction was in the way.
	{Class: driver.Conflict, Rows: []sqldb.CodeRow{
		{Number: 1020, Name: "ER_CHECKREAD", Text: "another has changed the row since this transaction's snapshot"},
		{Number: 1412, Name: "ER_TABLE_DEF_CHANGED", Text: "a table was altered since this transaction's snapshot"},
		{
			Number: 1964, Name: "ER_PRIOR_COMMIT_FAILED",
			Text: "a commit before this one has failed, and this one with it",
		},
		{
			Number: 3101, Name: "ER_TRANSACTION_ROLLBACK_DURING_COMMIT",
			Text: "group replication has let another transaction win",
		},
	}},
	{Class: driver.LockFailure, Rows: []sqldb.CodeRow{
		{
			Number: 1205, Name: "ER_LOCK_WAIT_TIMEOUT",
			Text: "another holds the lock for longer than innodb_lock_wait_timeout or lock_wait_timeout",
		},
		{
			Number: 1206, Name: "ER_LOCK_TABLE_FULL",
			Text: "InnoDB has no room for more locks: smaller transactions, or a larger innodb_buffer_pool_size",
		},
		{
			Number: 1213, Name: "ER_LOCK_DEADLOCK",
			Text: "deadlock: the server has ended this transaction so that another can go on",
		},
		{Number: 1613, Name: "ER_XA_RBTIMEOUT", Text: "the XA transaction was rolled back"},
		{
			Number: 1614, Name: "ER_XA_RBDEADLOCK",
			Text: "deadlock: the server has ended this transaction so that another can go on",
		},
		{Number: 1689, Name: "ER_LOCK_ABORTED", Text: "the wait for a lock was given up for somebody's ALTER TABLE"},
		{Number: 1725, Name: "ER_TABLE_IN_FK_CHECK", Text: "the table is in use by a check of a foreign key"},
		{Number: 3058, Name: "ER_USER_LOCK_DEADLOCK", Text: "deadlock in named locks"},
		{Number: 3132, Name: "ER_LOCKING_SERVICE_DEADLOCK", Text: "named locks waited too long"},
		{Number: 3177, Name: "ER_LOCK_REFUSED_BY_ENGINE", Text: "the storage engine has refused a lock"},
		{Number: 3572, Name: "ER_LOCK_NOWAIT", Text: "a lock could not be had at once"},
	}},
	// The server is away, or has no room.
	{Class: driver.Unavailable, Rows: []sqldb.CodeRow{
		{Number: 1021, Name: "ER_DISK_FULL", Text: "the server's disk is full: make room"},
		{
			Number: 1024, Name: "ER_ERROR_ON_READ",
			Text: "the server could not read one of its files: look into its error log",
		},
		{Number: 1037, Name: "ER_OUTOFMEMORY", Text: "the server is out of memory"},
		{
			Number: 1040, Name: "ER_CON_COUNT_ERROR",
			Text: "the server has too many connections: less of Options.Connections in all programs, or a " +
				"larger max_connections",
		},
		{Number: 1041, Name: "ER_OUT_OF_RESOURCES", Text: "the server is out of memory"},
		{Number: 1042, Name: "ER_BAD_HOST_ERROR", Text: "the server could not resolve the client's address"},
		{
			Number: 1043, Name: "ER_HANDSHAKE_ERROR",
			Text: "the server did not understand the handshake: is a proxy between them?",
		},
		{
			Number: 1047, Name: "ER_UNKNOWN_COM_ERROR",
			Text: "the Galera node is not ready: it is joining, or has lost its cluster",
		},
		{
			Number: 1114, Name: "ER_RECORD_FILE_FULL",
			Text: "the table or the tablespace is full: make room, or let innodb_data_file_path or " +
				"max_heap_table_size grow",
		},
		{
			Number: 1129, Name: "ER_HOST_IS_BLOCKED",
			Text: "the server has blocked this host after many errors: FLUSH HOSTS",
		},
		{Number: 1135, Name: "ER_CANT_CREATE_THREAD", Text: "the server could not make a thread"},
		{Number: 1197, Name: "ER_TRANS_CACHE_FULL", Text: "the transaction does not fit into max_binlog_cache_size"},
		{
			Number: 1203, Name: "ER_TOO_MANY_USER_CONNECTIONS",
			Text: "the account has too many connections: its max_user_connections",
		},
		{Number: 1223, Name: "ER_CANT_UPDATE_WITH_READLOCK", Text: "a FLUSH TABLES WITH READ LOCK stops the writes"},
		{
			Number: 1226, Name: "ER_USER_LIMIT_REACHED",
			Text: "the account has used up one of its limits (MAX_QUERIES_PER_HOUR, …)",
		},
		{
			Number: 1290, Name: "ER_OPTION_PREVENTS_STATEMENT",
			Text: "the server takes no writes now: it is read only, perhaps no longer the primary",
		},
		{Number: 1297, Name: "ER_GET_TEMPORARY_ERRMSG", Text: "the storage engine has met a passing error"},
		{
			Number: 1461, Name: "ER_MAX_PREPARED_STMT_COUNT_REACHED",
			Text: "the server holds max_prepared_stmt_count prepared statements: less of Options.Statements, " +
				"or a larger limit",
		},
		{
			Number: 1637, Name: "ER_TOO_MANY_CONCURRENT_TRXS",
			Text: "InnoDB has no room for more transactions at a time",
		},
		{
			Number: 1705, Name: "ER_STMT_CACHE_FULL",
			Text: "the statement does not fit into max_binlog_stmt_cache_size",
		},
		{
			Number: 1792, Name: "ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION",
			Text: "the transaction is read only: the server is, or transaction_read_only is set",
		},
		{
			Number: 1836, Name: "ER_READ_ONLY_MODE",
			Text: "the server is read only: perhaps it is no longer the primary",
		},
		{Number: 1874, Name: "ER_INNODB_READ_ONLY", Text: "InnoDB is read only"},
		{
			Number: 1878, Name: "ER_TEMP_FILE_WRITE_FAILURE",
			Text: "the server could not write a temporary file: make room",
		},
		{Number: 3015, Name: "ER_ENGINE_OUT_OF_MEMORY", Text: "the storage engine is out of memory"},
		{
			Number: 3019, Name: "ER_INNODB_UNDO_LOG_FULL",
			Text: "InnoDB's undo log is full: end the transactions that are open for long",
		},
		{Number: 3032, Name: "ER_SERVER_OFFLINE_MODE", Text: "the server is in offline_mode"},
		{
			Number: 3098, Name: "ER_BEFORE_DML_VALIDATION_ERROR",
			Text: "group replication does not take writes to this table: it needs InnoDB and a primary key",
		},
		{Number: 3168, Name: "ER_SERVER_ISNT_AVAILABLE", Text: "the server is not available"},
		{
			Number: 3170, Name: "ER_CAPACITY_EXCEEDED",
			Text: "the statement needs more memory than the server gives it: range_optimizer_max_mem_size, …",
		},
		{Number: 3675, Name: "ER_DISK_FULL_NOWAIT", Text: "the server's disk is full: make room"},
		{Number: 3950, Name: "ER_DA_OOM", Text: "the server is out of memory"},
		{Number: 3989, Name: "ER_SCHEMA_READ_ONLY", Text: "the schema is in read only mode"},
		{
			Number: 4031, Name: "ER_CLIENT_INTERACTION_TIMEOUT",
			Text: "the server's wait_timeout has ended the idle connection: less of Options.ConnectionLifetime",
		},
		{
			Number: 4094, Name: "ER_OPERATION_NOT_ALLOWED_WHILE_PRIMARY_CHANGE_IS_RUNNING",
			Text: "group replication is changing its primary",
		},
		{Number: 4145, Name: "ER_BACKUP_LOCK_IS_ACTIVE", Text: "a BACKUP STAGE stops the writes"},
		{Number: 6400, Name: "ER_SERVER_OFFLINE_MODE_REASON", Text: "the server is in offline_mode"},
	}},
	{Class: driver.Unavailable, Sent: true, Rows: []sqldb.CodeRow{
		{
			Number: 1026, Name: "ER_ERROR_ON_WRITE",
			Text: "the server could not write one of its files, perhaps the binary log: look into its error log",
		},
		{Number: 1053, Name: "ER_SERVER_SHUTDOWN", Text: "the server is shutting down"},
		{Number: 1077, Name: "ER_NORMAL_SHUTDOWN", Text: "the server is shutting down"},
		{Number: 1079, Name: "ER_SHUTDOWN_COMPLETE", Text: "the server is shutting down"},
		{Number: 1080, Name: "ER_FORCING_CLOSE", Text: "the server has closed the connection"},
		{Number: 1152, Name: "ER_ABORTING_CONNECTION", Text: "the server has closed the connection"},
		{Number: 1154, Name: "ER_NET_READ_ERROR_FROM_PIPE", Text: "the connection has broken"},
		{Number: 1155, Name: "ER_NET_FCNTL_ERROR", Text: "the connection has broken"},
		{
			Number: 1156, Name: "ER_NET_PACKETS_OUT_OF_ORDER",
			Text: "packets came out of order: are two programs, or a proxy, using one connection?",
		},
		{Number: 1157, Name: "ER_NET_UNCOMPRESS_ERROR", Text: "a compressed packet could not be read"},
		{Number: 1158, Name: "ER_NET_READ_ERROR", Text: "the connection has broken"},
		{
			Number: 1159, Name: "ER_NET_READ_INTERRUPTED",
			Text: "the server's net_read_timeout has ended the connection",
		},
		{Number: 1160, Name: "ER_NET_ERROR_ON_WRITE", Text: "the connection has broken"},
		{
			Number: 1161, Name: "ER_NET_WRITE_INTERRUPTED",
			Text: "the server's net_write_timeout has ended the connection",
		},
		{
			Number: 1180, Name: "ER_ERROR_DURING_COMMIT",
			Text: "the commit met an error in the storage engine, the binary log or the cluster",
		},
		{Number: 1184, Name: "ER_NEW_ABORTING_CONNECTION", Text: "the server has closed the connection"},
		{Number: 1598, Name: "ER_BINLOG_LOGGING_IMPOSSIBLE", Text: "the binary log could not be written"},
		{Number: 1835, Name: "ER_MALFORMED_PACKET", Text: "a packet could not be read"},
		{Number: 1927, Name: "ER_CONNECTION_KILLED", Text: "somebody has killed the connection"},
		{Number: 2006, Name: "CR_SERVER_GONE_ERROR", Text: "the proxy has lost the server"},
		{Number: 2013, Name: "CR_SERVER_LOST", Text: "the proxy has lost the server during the query"},
		{
			Number: 3100, Name: "ER_RUN_HOOK_ERROR",
			Text: "group replication, or another plugin, could not take part in the commit",
		},
		{Number: 3169, Name: "ER_SESSION_WAS_KILLED", Text: "somebody has killed the session"},
		{
			Number: 4081, Name: "ER_DA_GLOBAL_CONN_LIMIT",
			Text: "the server's global_connection_memory_limit has ended the connection",
		},
		{
			Number: 4082, Name: "ER_DA_CONN_LIMIT",
			Text: "the server's connection_memory_limit has ended the connection",
		},
	}},
	// Somebody, or a bound that the server sets, has ended the statement.
	{Class: driver.Canceled, Rows: []sqldb.CodeRow{
		{Number: 1028, Name: "ER_FILSORT_ABORT", Text: "a sort was ended"},
		{Number: 1317, Name: "ER_QUERY_INTERRUPTED", Text: "somebody has killed the query"},
		{
			Number: 1931, Name: "ER_QUERY_EXCEEDED_ROWS_EXAMINED_LIMIT",
			Text: "the query has read more rows than the server allows it",
		},
		{Number: 1969, Name: "ER_STATEMENT_TIMEOUT", Text: "the server's max_statement_time has ended the statement"},
		{Number: 3024, Name: "ER_QUERY_TIMEOUT", Text: "the server's max_execution_time has ended the statement"},
	}},
}

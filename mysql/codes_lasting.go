package mysql

import (
	"github.com/stillframe/stillframe/internal/sqldb"
	"github.com/stillframe/stillframe/store/driver"
)

// lastingCodes are those after which the same call fails again, until somebody has mended something.
var lastingCodes = []sqldb.CodeGroup{
	// The server does not take a value.
	{Class: driver.Refused, About: sqldb.AboutColumn, Rows: []sqldb.CodeRow{
		{
			Number: 167, Name: "HA_ERR_AUTOINC_ERANGE",
			Text: "the next number of AUTO_INCREMENT does not fit into the column: give it a larger type",
		},
		{
			Number: 1048, Name: "ER_BAD_NULL_ERROR",
			Text: "cannot be NULL there: give the field a value, or allow NULL as CheckSchema says",
		},
		{Number: 1263, Name: "ER_WARN_NULL_TO_NOTNULL", Text: "cannot be NULL there"},
		{
			Number: 1264, Name: "ER_WARN_DATA_OUT_OF_RANGE",
			Text: "the number is out of the column's range: CheckSchema compares its type with the field's",
		},
		{
			Number: 1265, Name: "WARN_DATA_TRUNCATED",
			Text: "the value does not fit into the column and would be cut: CheckSchema compares its type with " +
				"the field's",
		},
		{
			Number: 1364, Name: "ER_NO_DEFAULT_FOR_FIELD",
			Text: "an INSERT must name it, since it has no default, and the struct does not map it: map it, or " +
				"give it a default",
		},
		{
			Number: 1406, Name: "ER_DATA_TOO_LONG",
			Text: "the value is too long for the column: CheckSchema compares its size with the field's",
		},
		{
			Number: 1906, Name: "ER_WARNING_NON_DEFAULT_VALUE_FOR_GENERATED_COLUMN",
			Text: "the database computes it: do not map it, or make it a plain column",
		},
		{
			Number: 3105, Name: "ER_NON_DEFAULT_VALUE_FOR_GENERATED_COLUMN",
			Text: "the database computes it: do not map it, or make it a plain column",
		},
		{
			Number: 3155, Name: "ER_NUMERIC_JSON_VALUE_OUT_OF_RANGE",
			Text: "a number in the JSON value is out of range of a generated column or an index",
		},
		{
			Number: 3156, Name: "ER_INVALID_JSON_VALUE_FOR_CAST",
			Text: "a value in the JSON does not fit a generated column or an index",
		},
		{Number: 3673, Name: "ER_BAD_NULL_ERROR_NOT_IGNORED", Text: "cannot be NULL there"},
	}},
	{Class: driver.Refused, Rows: []sqldb.CodeRow{
		{
			Number: 1118, Name: "ER_TOO_BIG_ROWSIZE",
			Text: "the row is larger than the server takes: fewer or shorter columns, or TEXT",
		},
		{Number: 1138, Name: "ER_INVALID_USE_OF_NULL", Text: "a column that cannot be NULL was given NULL"},
		{
			Number: 1153, Name: "ER_NET_PACKET_TOO_LARGE",
			Text: "the statement is larger than the server's max_allowed_packet",
		},
		{Number: 1162, Name: "ER_TOO_LONG_STRING", Text: "the result is larger than the server's max_allowed_packet"},
		{Number: 1216, Name: "ER_NO_REFERENCED_ROW", Text: "a foreign key names a row that is not there"},
		{Number: 1217, Name: "ER_ROW_IS_REFERENCED", Text: "a foreign key of another table names this row"},
		{Number: 1242, Name: "ER_SUBQUERY_NO_1_ROW", Text: "a trigger or view expects one row where there are more"},
		{
			Number: 1300, Name: "ER_INVALID_CHARACTER_STRING",
			Text: "the text has characters that are not valid in the column's character set",
		},
		{
			Number: 1365, Name: "ER_DIVISION_BY_ZERO",
			Text: "a division by zero, in a generated column, a trigger or a condition",
		},
		{
			Number: 1367, Name: "ER_ILLEGAL_VALUE_FOR_TYPE",
			Text: "a number or text could not be read as the type that is asked for",
		},
		{
			Number: 1369, Name: "ER_VIEW_CHECK_FAILED",
			Text: "the row would not be in the view that it is written through (CHECK OPTION)",
		},
		{Number: 1411, Name: "ER_WRONG_VALUE_FOR_TYPE", Text: "a value could not be read as a time"},
		{Number: 1416, Name: "ER_CANT_CREATE_GEOMETRY_OBJECT", Text: "a value is no geometry"},
		{Number: 1441, Name: "ER_DATETIME_FUNCTION_OVERFLOW", Text: "a time is out of range"},
		{
			Number: 1442, Name: "ER_CANT_UPDATE_USED_TABLE_IN_SF_OR_TRG",
			Text: "a trigger writes the table that it belongs to",
		},
		{
			Number: 1467, Name: "ER_AUTOINC_READ_FAILED",
			Text: "AUTO_INCREMENT has no next number: give the column a larger type",
		},
		{Number: 1525, Name: "ER_WRONG_VALUE", Text: "the value is none of the type that is asked for"},
		{Number: 1526, Name: "ER_NO_PARTITION_FOR_GIVEN_VALUE", Text: "the table has no partition for the row"},
		{Number: 1642, Name: "ER_SIGNAL_WARN", Text: "a trigger has refused the row (SIGNAL, warning)"},
		{Number: 1643, Name: "ER_SIGNAL_NOT_FOUND", Text: "a trigger has refused the row (SIGNAL, not found)"},
		{Number: 1644, Name: "ER_SIGNAL_EXCEPTION", Text: "a trigger has refused the row (SIGNAL)"},
		{Number: 1690, Name: "ER_DATA_OUT_OF_RANGE", Text: "a number is out of range in a computation"},
		{
			Number: 1713, Name: "ER_UNDO_RECORD_TOO_BIG",
			Text: "the changed columns of one row are more than an undo record holds",
		},
		{Number: 1737, Name: "ER_ROW_DOES_NOT_MATCH_PARTITION", Text: "the row does not belong to the partition"},
		{
			Number: 1748, Name: "ER_ROW_DOES_NOT_MATCH_GIVEN_PARTITION_SET",
			Text: "the row does not belong to the partition that is named",
		},
		{
			Number: 1869, Name: "ER_AUTO_INCREMENT_CONFLICT",
			Text: "an UPDATE has made a key that AUTO_INCREMENT has made as well",
		},
		{Number: 1916, Name: "ER_DATA_OVERFLOW", Text: "a number is too large for its type"},
		{Number: 1917, Name: "ER_DATA_TRUNCATED", Text: "a value would be cut"},
		{Number: 1918, Name: "ER_BAD_DATA", Text: "a value is none of the type that is asked for"},
		{
			Number: 1977, Name: "ER_CANNOT_CONVERT_CHARACTER",
			Text: "the text has characters that the column's character set does not have: make it utf8mb4",
		},
		{Number: 3141, Name: "ER_INVALID_JSON_TEXT_IN_PARAM", Text: "a value is no JSON"},
		{
			Number: 3144, Name: "ER_INVALID_JSON_CHARSET",
			Text: "a JSON value came in another character set than utf8mb4",
		},
		{
			Number: 3145, Name: "ER_INVALID_JSON_CHARSET_IN_FUNCTION",
			Text: "a JSON value came in another character set than utf8mb4",
		},
		{Number: 3147, Name: "ER_INVALID_CAST_TO_JSON", Text: "a value cannot be made JSON"},
		{Number: 3150, Name: "ER_JSON_VALUE_TOO_BIG", Text: "the JSON value is too large for a JSON column"},
		{Number: 3151, Name: "ER_JSON_KEY_TOO_BIG", Text: "a key in the JSON value is longer than 65535 bytes"},
		{Number: 3157, Name: "ER_JSON_DOCUMENT_TOO_DEEP", Text: "the JSON value is nested more than 100 deep"},
		{Number: 3158, Name: "ER_JSON_DOCUMENT_NULL_KEY", Text: "a key in the JSON value is NULL"},
		{Number: 3164, Name: "ER_AUDIT_API_ABORT", Text: "the server's audit plugin has refused the statement"},
		{
			Number: 3854, Name: "ER_CANNOT_CONVERT_STRING",
			Text: "the text has characters that the column's character set does not have: make it utf8mb4",
		},
		{
			Number: 3903, Name: "ER_INVALID_JSON_VALUE_FOR_FUNC_INDEX",
			Text: "a value in the JSON does not fit an index",
		},
		{
			Number: 3907, Name: "ER_FUNCTIONAL_INDEX_DATA_IS_TOO_LONG",
			Text: "a value is too long for a functional index",
		},
		{
			Number: 3988, Name: "ER_IMPOSSIBLE_STRING_CONVERSION",
			Text: "the text has characters that the column's character set does not have: make it utf8mb4",
		},
		{Number: 3998, Name: "ER_INVALID_CAST", Text: "a value cannot be cast to the type that is asked for"},
		{
			Number: 4078, Name: "ER_ILLEGAL_PARAMETER_DATA_TYPES2_FOR_OPERATION",
			Text: "a value has a type that does not go with the column's",
		},
		{
			Number: 4079, Name: "ER_ILLEGAL_PARAMETER_DATA_TYPE_FOR_OPERATION",
			Text: "a value has a type that does not go with the column's",
		},
		{Number: 4084, Name: "ER_SEQUENCE_RUN_OUT", Text: "the sequence has run out"},
		{Number: 4085, Name: "ER_SEQUENCE_INVALID_DATA", Text: "the sequence is out of range"},
		{Number: 6136, Name: "ER_DATA_INCOMPATIBLE_WITH_VECTOR", Text: "a value is none of a vector column"},
		{
			Number: 6137, Name: "ER_EXCEEDS_VECTOR_MAX_DIMENSIONS",
			Text: "the vector has more dimensions than the server takes",
		},
		{Number: 6138, Name: "ER_TO_VECTOR_CONVERSION", Text: "a value is none of a vector column"},
	}},
	{Class: driver.Refused, About: sqldb.AboutValue, Rows: []sqldb.CodeRow{
		{
			Number: 1292, Name: "ER_TRUNCATED_WRONG_VALUE",
			Text: "the value is none of the column's type: CheckSchema compares it with the field's",
		},
		{
			Number: 1366, Name: "ER_TRUNCATED_WRONG_VALUE_FOR_FIELD",
			Text: "the value is none of the column's type or character set: CheckSchema compares it with the " +
				"field's",
		},
		{Number: 3140, Name: "ER_INVALID_JSON_TEXT", Text: "the value is no JSON: is the field tagged json?"},
	}},
	{Class: driver.Refused, About: sqldb.AboutConstraint, Rows: []sqldb.CodeRow{
		{Number: 1451, Name: "ER_ROW_IS_REFERENCED_2", Text: "a foreign key of another table names this row"},
		{Number: 1452, Name: "ER_NO_REFERENCED_ROW_2", Text: "a foreign key names a row that is not there"},
		{Number: 3819, Name: "ER_CHECK_CONSTRAINT_VIOLATED", Text: "a CHECK constraint refuses the row"},
		{Number: 4025, Name: "ER_CONSTRAINT_FAILED", Text: "a CHECK constraint refuses the row"},
	}},
	// The server cannot do this.
	{Class: driver.Unsupported, Rows: []sqldb.CodeRow{
		{Number: 1031, Name: "ER_ILLEGAL_HA", Text: "the table's storage engine cannot do this: ENGINE=InnoDB"},
		{Number: 1148, Name: "ER_NOT_ALLOWED_COMMAND", Text: "the server does not allow this command"},
		{
			Number: 1178, Name: "ER_CHECK_NOT_IMPLEMENTED",
			Text: "the table's storage engine cannot do this: ENGINE=InnoDB",
		},
		{Number: 1235, Name: "ER_NOT_SUPPORTED_YET", Text: "the server does not know this"},
		{Number: 1286, Name: "ER_UNKNOWN_STORAGE_ENGINE", Text: "the server has no such storage engine"},
		{Number: 1289, Name: "ER_FEATURE_DISABLED", Text: "the server was built without this"},
		{Number: 1295, Name: "ER_UNSUPPORTED_PS", Text: "the server cannot prepare this statement"},
		{Number: 1314, Name: "ER_SP_BADSTATEMENT", Text: "this cannot be done in a trigger"},
		{Number: 1726, Name: "ER_VERS_NOT_ALLOWED", Text: "the system-versioned table does not allow this"},
		{Number: 1845, Name: "ER_ALTER_OPERATION_NOT_SUPPORTED", Text: "the server cannot alter the table so"},
		{Number: 1846, Name: "ER_ALTER_OPERATION_NOT_SUPPORTED_REASON", Text: "the server cannot alter the table so"},
		{Number: 3110, Name: "ER_FEATURE_NOT_AVAILABLE", Text: "the server was built without this"},
		{
			Number: 3161, Name: "ER_DISABLED_STORAGE_ENGINE",
			Text: "the server's disabled_storage_engines names the engine",
		},
		{Number: 3167, Name: "ER_FEATURE_DISABLED_SEE_DOC", Text: "the server has this turned off"},
		{Number: 3658, Name: "ER_FEATURE_UNSUPPORTED", Text: "the server does not know this"},
		{Number: 3750, Name: "ER_TABLE_WITHOUT_PK", Text: "the server's sql_require_primary_key refuses the table"},
		{Number: 4137, Name: "ER_VERS_NOT_SUPPORTED", Text: "the system-versioned table does not allow this"},
		{Number: 4165, Name: "ER_GALERA_REPLICATION_NOT_SUPPORTED", Text: "the server was built without Galera"},
		{Number: 4182, Name: "ER_STORAGE_ENGINE_DISABLED", Text: "the server has the storage engine turned off"},
	}},
	// What somebody must mend.
	{Class: driver.Other, Rows: []sqldb.CodeRow{
		{
			Number: 1004, Name: "ER_CANT_CREATE_FILE",
			Text: "the server could not make a file: look into its error log",
		},
		{
			Number: 1005, Name: "ER_CANT_CREATE_TABLE",
			Text: "the server could not make the table: a foreign key may not fit",
		},
		{Number: 1016, Name: "ER_CANT_OPEN_FILE", Text: "the server could not open a file: look into its error log"},
		{Number: 1017, Name: "ER_FILE_NOT_FOUND", Text: "the server does not find a file: look into its error log"},
		{
			Number: 1030, Name: "ER_GET_ERRNO",
			Text: "the storage engine has met an error: look into the server's error log",
		},
		{
			Number: 1032, Name: "ER_KEY_NOT_FOUND",
			Text: "the storage engine does not find a row that was there: CHECK TABLE",
		},
		{
			Number: 1033, Name: "ER_NOT_FORM_FILE",
			Text: "the table's file is damaged: look into the server's error log",
		},
		{Number: 1034, Name: "ER_NOT_KEYFILE", Text: "an index of the table is damaged: CHECK TABLE"},
		{Number: 1036, Name: "ER_OPEN_AS_READONLY", Text: "the table is read only"},
		{
			Number: 1038, Name: "ER_OUT_OF_SORTMEMORY",
			Text: "the server has too little memory for a sort: a larger sort_buffer_size",
		},
		{
			Number: 1044, Name: "ER_DBACCESS_DENIED_ERROR",
			Text: "the account may not use the database: look at its name in the DSN, or GRANT",
		},
		{
			Number: 1045, Name: "ER_ACCESS_DENIED_ERROR",
			Text: "the user name or the password is wrong, or the account may not come from this host",
		},
		{Number: 1046, Name: "ER_NO_DB_ERROR", Text: "the DSN names no database: put its name behind the slash"},
		{
			Number: 1049, Name: "ER_BAD_DB_ERROR",
			Text: "there is no such database: look at its name in the DSN, or CREATE DATABASE",
		},
		{Number: 1050, Name: "ER_TABLE_EXISTS_ERROR", Text: "the table is there already"},
		{
			Number: 1064, Name: "ER_PARSE_ERROR",
			Text: "the server does not understand the statement: is a native condition whole?",
		},
		{
			Number: 1071, Name: "ER_TOO_LONG_KEY",
			Text: "an index would be longer than the server takes: a smaller size=N in the tag",
		},
		{Number: 1093, Name: "ER_UPDATE_TABLE_USED", Text: "a native condition reads the table that is written"},
		{
			Number: 1099, Name: "ER_TABLE_NOT_LOCKED_FOR_WRITE",
			Text: "somebody's LOCK TABLES on this connection stops the write",
		},
		{
			Number: 1100, Name: "ER_TABLE_NOT_LOCKED",
			Text: "somebody's LOCK TABLES on this connection does not name the table",
		},
		{
			Number: 1104, Name: "ER_TOO_BIG_SELECT",
			Text: "the query would read more than max_join_size rows: raise it, or sql_big_selects=1",
		},
		{
			Number: 1105, Name: "ER_UNKNOWN_ERROR",
			Text: "the server has met an error that has no number: the driver's error holds its message",
		},
		{
			Number: 1109, Name: "ER_UNKNOWN_TABLE",
			Text: "a native condition names a table that is not in the statement",
		},
		{Number: 1119, Name: "ER_STACK_OVERRUN", Text: "the server's thread_stack is too small"},
		{
			Number: 1130, Name: "ER_HOST_NOT_PRIVILEGED",
			Text: "the server lets no account in from this host: CREATE USER … @ host",
		},
		{Number: 1149, Name: "ER_SYNTAX_ERROR", Text: "the server does not understand the statement"},
		{
			Number: 1170, Name: "ER_BLOB_KEY_WITHOUT_LENGTH",
			Text: "an index is over a TEXT or BLOB column: give the field a size=N",
		},
		{
			Number: 1175, Name: "ER_UPDATE_WITHOUT_KEY_IN_SAFE_MODE",
			Text: "sql_safe_updates refuses a statement that finds its rows by no key: the table lacks the key " +
				"of the mapping",
		},
		{Number: 1176, Name: "ER_KEY_DOES_NOT_EXITS", Text: "there is no such index"},
		{Number: 1179, Name: "ER_CANT_DO_THIS_DURING_AN_TRANSACTION", Text: "this cannot be done in a transaction"},
		{
			Number: 1192, Name: "ER_LOCK_OR_ACTIVE_TRANSACTION",
			Text: "this cannot be done in a transaction, or under LOCK TABLES",
		},
		{
			Number: 1193, Name: "ER_UNKNOWN_SYSTEM_VARIABLE",
			Text: "the server has no such variable: look at the parameters of the DSN",
		},
		{Number: 1194, Name: "ER_CRASHED_ON_USAGE", Text: "the table is damaged: REPAIR TABLE"},
		{Number: 1195, Name: "ER_CRASHED_ON_REPAIR", Text: "the table is damaged, and its repair has failed"},
		{Number: 1215, Name: "ER_CANNOT_ADD_FOREIGN", Text: "the foreign key does not fit"},
		{
			Number: 1227, Name: "ER_SPECIFIC_ACCESS_DENIED_ERROR",
			Text: "the account lacks a privilege for this: GRANT",
		},
		{
			Number: 1229, Name: "ER_GLOBAL_VARIABLE",
			Text: "a variable of the DSN can be set for the whole server alone",
		},
		{Number: 1231, Name: "ER_WRONG_VALUE_FOR_VAR", Text: "a variable of the DSN cannot have this value"},
		{Number: 1232, Name: "ER_WRONG_TYPE_FOR_VAR", Text: "a variable of the DSN has the wrong type"},
		{Number: 1238, Name: "ER_INCORRECT_GLOBAL_LOCAL_VAR", Text: "a variable of the DSN cannot be set"},
		{
			Number: 1243, Name: "ER_UNKNOWN_STMT_HANDLER",
			Text: "the server has forgotten the prepared statement: is a proxy between them?",
		},
		{
			Number: 1250, Name: "ER_TABLENAME_NOT_ALLOWED_HERE",
			Text: "a native condition names a table that cannot be used there",
		},
		{
			Number: 1251, Name: "ER_NOT_SUPPORTED_AUTH_MODE",
			Text: "the account's password is stored in a form that the client does not know",
		},
		{Number: 1253, Name: "ER_COLLATION_CHARSET_MISMATCH", Text: "the collation is none of the character set"},
		{
			Number: 1267, Name: "ER_CANT_AGGREGATE_2COLLATIONS",
			Text: "text of two collations is compared: CheckSchema names the column whose collation is another",
		},
		{
			Number: 1270, Name: "ER_CANT_AGGREGATE_3COLLATIONS",
			Text: "text of three collations is compared: CheckSchema names the column whose collation is another",
		},
		{
			Number: 1271, Name: "ER_CANT_AGGREGATE_NCOLLATIONS",
			Text: "text of several collations is compared: CheckSchema names the column whose collation is another",
		},
		{Number: 1273, Name: "ER_UNKNOWN_COLLATION", Text: "the server has no such collation"},
		{
			Number: 1296, Name: "ER_GET_ERRMSG",
			Text: "the storage engine has met an error: look into the server's error log",
		},
		{Number: 1298, Name: "ER_UNKNOWN_TIME_ZONE", Text: "the server does not know the time zone"},
		{
			Number: 1305, Name: "ER_SP_DOES_NOT_EXIST",
			Text: "a trigger, view or native condition calls a function that is not there",
		},
		{Number: 1347, Name: "ER_WRONG_OBJECT", Text: "the table is a view, or the view is a table"},
		{Number: 1360, Name: "ER_TRG_DOES_NOT_EXIST", Text: "there is no such trigger"},
		{
			Number: 1370, Name: "ER_PROCACCESS_DENIED_ERROR",
			Text: "the account may not call a function: GRANT EXECUTE",
		},
		{Number: 1390, Name: "ER_PS_MANY_PARAM", Text: "the statement has more than 65535 parameters"},
		{Number: 1394, Name: "ER_VIEW_NO_INSERT_FIELD_LIST", Text: "a view of several tables cannot be written so"},
		{Number: 1415, Name: "ER_SP_NO_RETSET", Text: "a trigger cannot return rows"},
		{
			Number: 1419, Name: "ER_BINLOG_CREATE_ROUTINE_NEED_SUPER",
			Text: "the account may not make triggers while the binary log is on: log_bin_trust_function_creators=1",
		},
		{Number: 1436, Name: "ER_STACK_OVERRUN_NEED_MORE", Text: "the server's thread_stack is too small"},
		{
			Number: 1449, Name: "ER_NO_SUCH_USER",
			Text: "the account that a trigger or view runs as is gone: CREATE it, or make the trigger anew",
		},
		{
			Number: 1615, Name: "ER_NEED_REPREPARE",
			Text: "the server wants the statement prepared again and again: table_definition_cache is too small",
		},
		{
			Number: 1630, Name: "ER_FUNC_INEXISTENT_NAME_COLLISION",
			Text: "a native condition calls a function that is not there",
		},
		{Number: 1707, Name: "ER_TABLE_NEEDS_REBUILD", Text: "the table must be built anew: ALTER TABLE … FORCE"},
		{Number: 1712, Name: "ER_INDEX_CORRUPT", Text: "an index of the table is damaged"},
		{
			Number: 1815, Name: "ER_INTERNAL_ERROR",
			Text: "the server has met an error inside it: look into its error log",
		},
		{Number: 1817, Name: "ER_INNODB_INDEX_CORRUPT", Text: "an index of the table is damaged"},
		{Number: 1820, Name: "ER_MUST_CHANGE_PASSWORD", Text: "the account's password has expired: ALTER USER"},
		{Number: 1862, Name: "ER_MUST_CHANGE_PASSWORD_LOGIN", Text: "the account's password has expired: ALTER USER"},
		{Number: 1877, Name: "ER_TABLE_CORRUPT", Text: "the table is damaged"},
		{Number: 3118, Name: "ER_ACCOUNT_HAS_BEEN_LOCKED", Text: "the account is locked"},
		{
			Number: 3159, Name: "ER_SECURE_TRANSPORT_REQUIRED",
			Text: "the server takes encrypted connections alone: tls=true in the DSN",
		},
		{Number: 3503, Name: "ER_NO_SUCH_DB", Text: "there is no such database"},
		{Number: 3554, Name: "ER_NO_SYSTEM_TABLE_ACCESS", Text: "the account may not read a table of the system"},
		{Number: 3948, Name: "ER_CLIENT_LOCAL_FILES_DISABLED", Text: "the server does not take local files"},
		{
			Number: 3955, Name: "ER_USER_ACCESS_DENIED_FOR_USER_ACCOUNT_BLOCKED_BY_PASSWORD_LOCK",
			Text: "the account is locked after too many wrong passwords",
		},
		{
			Number: 4020, Name: "ER_ANONYMOUS_TO_GTID_UUID_SAME_AS_GROUP_NAME",
			Text: "the server refuses its own settings: the driver's error holds its message",
		},
		{
			Number: 4150, Name: "ER_USER_IS_BLOCKED",
			Text: "the account is blocked after too many wrong passwords: FLUSH PRIVILEGES",
		},
		{Number: 4151, Name: "ER_ACCOUNT_HAS_BEEN_LOCKED", Text: "the account is locked"},
		{Number: 6126, Name: "ER_ACCESS_DENIED_NO_PROXY_GRANT", Text: "the account lacks the PROXY privilege"},
	}},
	{Class: driver.Other, About: sqldb.AboutColumn, Rows: []sqldb.CodeRow{
		{
			Number: 1054, Name: "ER_BAD_FIELD_ERROR",
			Text: "no such column: CheckSchema has the statement that adds it",
		},
		{
			Number: 1074, Name: "ER_TOO_BIG_FIELDLENGTH",
			Text: "the size in the tag is more than a column takes: store:\"size=max\"",
		},
		{
			Number: 1143, Name: "ER_COLUMNACCESS_DENIED_ERROR",
			Text: "the account may not do this with the column: GRANT",
		},
		{Number: 1348, Name: "ER_NONUPDATEABLE_COLUMN", Text: "cannot be written: it is a computed column of a view"},
	}},
	{Class: driver.Other, About: sqldb.AboutTable, Rows: []sqldb.CodeRow{
		{
			Number: 1142, Name: "ER_TABLEACCESS_DENIED_ERROR",
			Text: "the account may not do this with the table: GRANT",
		},
		{
			Number: 1146, Name: "ER_NO_SUCH_TABLE",
			Text: "no such table: EnsureSchema creates it, DDL has the statements",
		},
		{
			Number: 1288, Name: "ER_NON_UPDATABLE_TABLE",
			Text: "the table cannot be written: it is a view that cannot be updated",
		},
		{
			Number: 1356, Name: "ER_VIEW_INVALID",
			Text: "the view names what is not there, or its definer may not read it",
		},
		{
			Number: 1471, Name: "ER_NON_INSERTABLE_TABLE",
			Text: "nothing can be inserted into it: it is a view that cannot be inserted into",
		},
		{
			Number: 1932, Name: "ER_NO_SUCH_TABLE_IN_ENGINE",
			Text: "the table's files are gone, though the server knows its name",
		},
	}},
}

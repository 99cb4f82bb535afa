package mongo

import "github.com/stillframe/stillframe/store/driver"

// code is what one number of a server's error means: a row of docs/ERRORS.md.
type code struct {
	name  string // as the server has it, empty where it gives none
	class driver.Class
	text  string // what is wrong and what to do about it
}

// codes are what the server's errors mean, gone through by its own list, error_codes.yml: the ones that a client of
// this package can meet. A number that is missing is Other, and Conflict where the server labels it as transient.
var codes = map[int]code{
	// What is stored already.
	11000: {
		"DuplicateKey", driver.Duplicate,
		"the key or a unique value is stored already: Error.Constraint names the index",
	},
	11001: {"", driver.Duplicate, "the key or a unique value is stored already (an older number)"},
	12582: {"", driver.Duplicate, "the key or a unique value is stored already, in a capped collection"},
	16460: {"", driver.Duplicate, "the key or a unique value is stored already, as a mongos says it"},

	// Another transaction was in the way, or nothing remains of this one.
	112: {"WriteConflict", driver.Conflict, "another transaction has written the document"},
	206: {"NoSuchSession", driver.Conflict, "the session has expired, or somebody has ended it"},
	225: {"TransactionTooOld", driver.Conflict, "a later transaction of the session has taken this one's place"},
	239: {"SnapshotTooOld", driver.Conflict, "the transaction has lasted longer than the server keeps its snapshot"},
	244: {"", driver.Conflict, "the transaction was aborted"},
	246: {"SnapshotUnavailable", driver.Conflict, "the server does not have the snapshot yet, or no longer"},
	250: {
		"StaleChunkHistory", driver.Conflict,
		"documents have moved to another shard since the transaction's snapshot",
	},
	251: {
		"NoSuchTransaction", driver.Conflict,
		"the server has aborted the transaction: after an error, an election, or its lifetime limit",
	},
	267: {"PreparedTransactionInProgress", driver.Conflict, "an older transaction of the session is being committed"},
	272: {
		"MigrationConflict", driver.Conflict,
		"documents have moved to another shard since the transaction's snapshot",
	},
	282: {"TransactionCoordinatorReachedAbortDecision", driver.Conflict, "a shard has aborted the transaction"},
	290: {
		"TransactionExceededLifetimeLimitSeconds", driver.Conflict,
		"the transaction has lasted longer than the server's transactionLifetimeLimitSeconds",
	},
	356: {"TxnRetryCounterTooOld", driver.Conflict, "a later try of the transaction has taken this one's place"},

	// A lock was not to be had.
	24: {
		"LockTimeout", driver.LockFailure,
		"another holds the lock for longer than the server's maxTransactionLockRequestTimeoutMillis",
	},
	46:  {"LockBusy", driver.LockFailure, "another holds the lock"},
	107: {"LockFailed", driver.LockFailure, "the lock was not to be had"},
	208: {"TooManyLocks", driver.LockFailure, "the server has no room for more locks"},
	117: {
		"ConflictingOperationInProgress", driver.LockFailure,
		"an operation on the collection is under way that allows no other",
	},
	12586: {
		"BackgroundOperationInProgressForDatabase", driver.LockFailure,
		"an index is being built in the database",
	},
	12587: {
		"BackgroundOperationInProgressForNamespace", driver.LockFailure,
		"an index is being built on the collection",
	},

	// The server, or the majority, is away, or had too little time. A write may have happened.
	6:  {"HostUnreachable", driver.Unavailable, "a node of the deployment cannot be reached"},
	7:  {"HostNotFound", driver.Unavailable, "the name of a node of the deployment is not found"},
	43: {"CursorNotFound", driver.Unavailable, "the server has closed the cursor"},
	50: {
		"MaxTimeMSExpired", driver.Unavailable,
		"the time of the call was up: Options.ReadTimeout, Options.WriteTimeout, or what the ctx left of it",
	},
	63: {"OBSOLETE_StaleShardVersion", driver.Unavailable, "the mongos did not know where the documents are"},
	64: {
		"WriteConcernTimeout", driver.Unavailable,
		"the majority has not acknowledged in time: are enough members of the set up?",
	},
	70:  {"ShardNotFound", driver.Unavailable, "a shard was removed"},
	89:  {"NetworkTimeout", driver.Unavailable, "a node of the deployment did not answer in time"},
	90:  {"CallbackCanceled", driver.Unavailable, "the server has given up the operation"},
	91:  {"ShutdownInProgress", driver.Unavailable, "the server is shutting down"},
	94:  {"NotYetInitialized", driver.Unavailable, "the replica set is not initiated yet"},
	95:  {"NotSecondary", driver.Unavailable, "the node is changing its state"},
	125: {"CommandFailed", driver.Unavailable, "a node of the deployment has failed"},
	133: {"FailedToSatisfyReadPreference", driver.Unavailable, "no primary can be reached"},
	134: {
		"ReadConcernMajorityNotAvailableYet", driver.Unavailable,
		"the node does not know yet what the majority has",
	},
	143: {"CursorInUse", driver.Unavailable, "the cursor is in use"},
	145: {"PooledConnectionsDropped", driver.Unavailable, "the connections inside the deployment were closed"},
	149: {"NoConfigPrimary", driver.Unavailable, "the config servers have no primary"},
	150: {"StaleEpoch", driver.Unavailable, "the mongos did not know where the documents are"},
	172: {"TransportSessionClosed", driver.Unavailable, "the connection was closed"},
	175: {
		"QueryPlanKilled", driver.Unavailable,
		"the query was ended, because its collection or an index was dropped",
	},
	187: {
		"LinearizableReadConcernError", driver.Unavailable,
		"the server cannot read linearizably: it is not the primary any more",
	},
	211: {"KeyNotFound", driver.Unavailable, "the server does not have the key that signs its cluster time yet"},
	217: {
		"IncompleteTransactionHistory", driver.Unavailable,
		"the server no longer knows whether it has done this write",
	},
	189: {"PrimarySteppedDown", driver.Unavailable, "the primary has stepped down"},
	199: {"ReplicaSetMonitorRemoved", driver.Unavailable, "a shard was removed"},
	202: {"NetworkInterfaceExceededTimeLimit", driver.Unavailable, "a node of the deployment did not answer in time"},
	203: {"ShardingStateNotInitialized", driver.Unavailable, "the shard is starting"},
	215: {"DatabaseDropPending", driver.Unavailable, "the database is being dropped"},
	216: {"ElectionInProgress", driver.Unavailable, "an election is under way"},
	221: {"IndexModified", driver.Unavailable, "an index was changed while it was used"},
	234: {"RetryChangeStream", driver.Unavailable, "the node is changing its state"},
	237: {"CursorKilled", driver.Unavailable, "somebody has ended the query"},
	249: {"StaleDbVersion", driver.Unavailable, "the mongos did not know where the database is"},
	262: {"ExceededTimeLimit", driver.Unavailable, "the operation's time was up at the server"},
	264: {"TooManyFilesOpen", driver.Unavailable, "the server has too many files open: raise its limit"},
	276: {"IndexBuildAborted", driver.Unavailable, "the building of an index was ended"},
	279: {"ClientDisconnect", driver.Unavailable, "the connection was lost while the server was at work"},
	281: {"TransactionCoordinatorSteppingDown", driver.Unavailable, "the primary has stepped down"},
	314: {"ObjectIsBusy", driver.Unavailable, "the collection is in use by another operation"},
	317: {"ConnectionPoolExpired", driver.Unavailable, "the connections inside the deployment were closed"},
	319: {"MovePrimaryInProgress", driver.Unavailable, "the database is being moved to another shard"},
	333: {"ServiceExecutorInShutdown", driver.Unavailable, "the server is shutting down"},
	342: {"ReshardingCriticalSectionTimeout", driver.Unavailable, "the collection is being resharded"},
	343: {"ShardCannotRefreshDueToLocksHeld", driver.Unavailable, "the shard did not know where the documents are"},
	355: {"InterruptedDueToStorageChange", driver.Unavailable, "the server is changing its storage"},
	358: {"InternalTransactionNotSupported", driver.Unavailable, "the deployment is being upgraded"},
	363: {"RetryableTransactionInProgress", driver.Unavailable, "an earlier try of the same write is still at work"},
	365: {"TemporarilyUnavailable", driver.Unavailable, "the server's cache is full for the moment"},
	371: {"UserWritesBlocked", driver.Unavailable, "writes are blocked at the server (setUserWriteBlockMode)"},
	372: {"CloseConnectionForShutdownCommand", driver.Unavailable, "the server is shutting down"},
	384: {"ConnectionError", driver.Unavailable, "a connection inside the deployment was lost"},
	391: {"ReauthenticationRequired", driver.Unavailable, "the credentials of the connection have expired"},
	394: {"", driver.Unavailable, "a shard has given up the operation while it is changing"},
	402: {"ResourceExhausted", driver.Unavailable, "the server has no resources for the operation at the moment"},
	406: {
		"MigrationBlockingOperationCoordinatorCleaningUp", driver.Unavailable,
		"the balancer is at work on the collection",
	},
	407: {
		"PooledConnectionAcquisitionExceededTimeLimit", driver.Unavailable,
		"a node of the deployment had no connection free in time",
	},
	412:   {"UpdatesStillPending", driver.Unavailable, "the server is still at work on earlier updates"},
	433:   {"AdmissionQueueOverflow", driver.Unavailable, "the server is overloaded"},
	449:   {"RateLimitExceeded", driver.Unavailable, "the server takes no more requests at this rate"},
	450:   {"PooledConnectionAcquisitionRejected", driver.Unavailable, "a node of the deployment is overloaded"},
	453:   {"InterruptedDueToReshardingCriticalSection", driver.Unavailable, "the collection is being resharded"},
	462:   {"IngressRequestRateLimitExceeded", driver.Unavailable, "the server takes no more requests at this rate"},
	9001:  {"SocketException", driver.Unavailable, "a connection inside the deployment was lost"},
	10058: {"LegacyNotPrimary", driver.Unavailable, "the node is not the primary"},
	10107: {"NotWritablePrimary", driver.Unavailable, "the node is not the primary"},
	11600: {"InterruptedAtShutdown", driver.Unavailable, "the server is shutting down"},
	11601: {
		"Interrupted", driver.Unavailable,
		"somebody has ended the operation, or an index that it used was dropped",
	},
	11602: {"InterruptedDueToReplStateChange", driver.Unavailable, "the node has become primary or secondary"},
	13388: {"StaleConfig", driver.Unavailable, "the mongos did not know where the documents are"},
	13435: {"NotPrimaryNoSecondaryOk", driver.Unavailable, "the node is not the primary"},
	13436: {
		"NotPrimaryOrSecondary", driver.Unavailable,
		"the node is neither primary nor secondary: it is starting or recovering",
	},
	14031:    {"OutOfDiskSpace", driver.Unavailable, "the server's disk is full: make room"},
	46841:    {"ClientMarkedKilled", driver.Unavailable, "somebody has ended the operation"},
	50915:    {"BackupCursorOpenConflictWithCheckpoint", driver.Unavailable, "a backup is beginning"},
	56846:    {"ConfigServerUnreachable", driver.Unavailable, "the config servers cannot be reached"},
	91331:    {"RetriableRemoteCommandFailure", driver.Unavailable, "a node of the deployment has failed"},
	10045600: {"InterruptedDueToFCVChange", driver.Unavailable, "the deployment is being upgraded"},

	// What was sent cannot be stored, or asked for.
	2: {
		"BadValue", driver.Refused,
		"a value, or an operator of a native condition, is not one that the server takes",
	},
	9: {"FailedToParse", driver.Refused, "the server does not understand the command: is a native condition whole?"},
	14: {
		"TypeMismatch", driver.Refused,
		"a value is of another type than the server takes there: look at a native condition",
	},
	15: {"Overflow", driver.Refused, "a document is nested too deep: 100 levels are the most"},
	16: {"InvalidLength", driver.Refused, "a list is too long, or empty"},
	21: {"EmptyArrayOperation", driver.Refused, "a list in a native condition is empty"},
	22: {"InvalidBSON", driver.Refused, "a document is not BSON: look at the codecs of Options.Registry"},
	28: {
		"PathNotViable", driver.Refused,
		"what is stored is no document where the mapping has a nested struct: CheckSchema names it",
	},
	30: {"InvalidPath", driver.Refused, "the name of a field cannot be a path"},
	40: {
		"ConflictingUpdateOperators", driver.Refused,
		"two fields of the mapping are stored at the same path, or one inside the other",
	},
	52: {"DollarPrefixedFieldName", driver.Refused, "the name of a field, or of a map's key, begins with a dollar"},
	53: {"InvalidIdField", driver.Refused, "the key cannot be stored as _id: it may be no list"},
	55: {"InvalidDBRef", driver.Refused, "a map looks like a reference ($ref, $id)"},
	56: {"EmptyFieldName", driver.Refused, "the name of a field is empty"},
	57: {"DottedFieldName", driver.Refused, "the name of a field, or of a map's key, holds a dot"},
	61: {
		"ShardKeyNotFound", driver.Refused,
		"the document has no value for the shard key, which the mapping must have",
	},
	66: {"ImmutableField", driver.Refused, "a field of the shard key, or _id, cannot be changed"},
	73: {
		"InvalidNamespace", driver.Refused,
		"the name of the collection or the database is not one that the server takes",
	},
	116: {"DocTooLargeForCapped", driver.Refused, "the document is larger than its capped collection"},
	121: {"DocumentValidationFailure", driver.Refused, "the collection's validator refuses the document"},
	168: {
		"InvalidPipelineOperator", driver.Refused,
		"a native condition has an operator that the server does not know",
	},
	171: {"CannotIndexParallelArrays", driver.Refused, "an index would hold two lists of one document"},
	241: {"ConversionFailure", driver.Refused, "a native condition converts a value that cannot be converted"},
	257: {
		"TransactionTooLarge", driver.Refused,
		"the transaction is larger than the server takes: write less in one Atomic",
	},
	357: {
		"InvalidBSONType", driver.Refused,
		"a document holds a type that BSON has not: look at the codecs of Options.Registry",
	},
	378: {"NonConformantBSON", driver.Refused, "a document is not BSON: look at the codecs of Options.Registry"},
	388: {
		"TransactionTooLargeForCache", driver.Refused,
		"the transaction does not fit into the server's cache: write less in one Atomic, or give the server more",
	},
	10003: {
		"CannotGrowDocumentInCappedNamespace", driver.Refused,
		"a document of a capped collection cannot become larger",
	},
	10334: {"BSONObjectTooLarge", driver.Refused, "the document would be larger than 16 MiB"},
	17280: {"OBSOLETE_KeyTooLong", driver.Refused, "an index cannot hold a value of this length"},
	17419: {"", driver.Refused, "the document would be larger than 16 MiB"},
	17420: {"", driver.Refused, "the document would be larger than 16 MiB"},
	40414: {
		"IDLFailedToParse", driver.Refused,
		"the server misses a field in the command: is it of a version that this library knows?",
	},
	40415: {
		"IDLUnknownField", driver.Refused,
		"the server does not know a field of the command: is it of a version that this library knows?",
	},

	// The server cannot do this.
	20: {
		"IllegalOperation", driver.Unsupported,
		"the server cannot do this, perhaps because it belongs to no replica set",
	},
	59:  {"CommandNotFound", driver.Unsupported, "the server does not know the command: is it MongoDB 5.0 or later?"},
	72:  {"InvalidOptions", driver.Unsupported, "the server cannot do this with these options"},
	76:  {"NoReplicationEnabled", driver.Unsupported, "the server belongs to no replica set"},
	115: {"CommandNotSupported", driver.Unsupported, "the server cannot do this"},
	123: {"NotAReplicaSet", driver.Unsupported, "the server belongs to no replica set"},
	148: {
		"ReadConcernMajorityNotEnabled", driver.Unsupported,
		"the server cannot read what the majority has (enableMajorityReadConcern=false)",
	},
	166: {
		"CommandNotSupportedOnView", driver.Unsupported,
		"the collection is a view, whose documents cannot be written",
	},
	167: {
		"OptionNotSupportedOnView", driver.Unsupported,
		"the collection is a view, for which the server cannot do this",
	},
	235: {"InternalErrorNotSupported", driver.Unsupported, "the server's build cannot do this"},
	238: {"NotImplemented", driver.Unsupported, "the server cannot do this"},
	263: {"OperationNotSupportedInTransaction", driver.Unsupported, "the server cannot do this in a transaction"},
	283: {"WouldChangeOwningShard", driver.Unsupported, "the write would move the document to another shard"},
	303: {"", driver.Unsupported, "the server cannot do this"},
	322: {
		"APIVersionError", driver.Unsupported,
		"the server does not have the API version that the client asks for (ServerAPI)",
	},
	323: {
		"APIStrictError", driver.Unsupported,
		"the stable API version that the client asks for has no such command or option: set ServerAPI's " +
			"strict to false",
	},
	324: {
		"APIDeprecationError", driver.Unsupported,
		"the client refuses what its API version calls deprecated: set ServerAPI's deprecationErrors to false",
	},
	347: {"APIMismatchError", driver.Unsupported, "two clients of other API versions use one transaction"},
	354: {
		"LoadBalancerSupportMismatch", driver.Unsupported,
		"the server is behind a load balancer or is not: look at loadBalanced in the connection string",
	},
	50768: {"NotARetryableWriteCommand", driver.Unsupported, "the server's storage engine has no numbers for writes"},

	// What a person must look at. A call that is made again meets the same.
	1:  {"InternalError", driver.Other, "the server has met an error of its own: look into its log"},
	8:  {"UnknownError", driver.Other, "the server has met an error of its own: look into its log"},
	11: {"UserNotFound", driver.Other, "there is no such user: look at the connection string"},
	13: {
		"Unauthorized", driver.Other,
		"the user may not do this: grant it readWrite on the database, and dbAdmin for EnsureSchema",
	},
	18: {
		"AuthenticationFailed", driver.Other,
		"the server does not take user and password: look at them, and at authSource, in the connection string",
	},
	26: {"NamespaceNotFound", driver.Other, "there is no such collection: EnsureSchema makes it"},
	27: {"IndexNotFound", driver.Other, "there is no such index: EnsureSchema makes it"},
	31: {"RoleNotFound", driver.Other, "there is no such role"},
	48: {"NamespaceExists", driver.Other, "the collection exists already"},
	67: {
		"CannotCreateIndex", driver.Other,
		"the server cannot make the index as it is: look at the fields of the mapping's index",
	},
	68: {"IndexAlreadyExists", driver.Other, "the index exists already"},
	79: {
		"UnknownReplWriteConcern", driver.Other,
		"the set does not know the write concern: look at the settings of the replica set",
	},
	85: {
		"IndexOptionsConflict", driver.Other,
		"an index of these fields or this name exists with other options: CheckSchema has the statements",
	},
	86: {
		"IndexKeySpecsConflict", driver.Other,
		"an index of this name exists with other fields or options: CheckSchema has the statements",
	},
	96: {"OperationFailed", driver.Other, "the server could not do it: look into its log"},
	100: {
		"UnsatisfiableWriteConcern", driver.Other,
		"the set has too few members that hold data for its majority: look at its configuration",
	},
	136: {"CappedPositionLost", driver.Other, "the capped collection was written over while it was read"},
	146: {
		"ExceededMemoryLimit", driver.Other,
		"the query needs more memory than the server gives it: an index of the order's fields spares it",
	},
	165: {"ViewDepthLimitExceeded", driver.Other, "the collection is a view of too many views"},
	226: {"AtomicityFailure", driver.Other, "the server could not do all of it at once"},
	242: {"CannotCreateCollection", driver.Other, "the server cannot make the collection"},
	256: {"TransactionCommitted", driver.Other, "the transaction is committed already"},
	261: {
		"TooManyLogicalSessions", driver.Other,
		"the server has no room for more sessions (maxSessions): are clients left open?",
	},
	291: {
		"NoQueryExecutionPlans", driver.Other,
		"the server finds no way to answer the query: an index may be missing, and notablescan set",
	},
	292: {
		"QueryExceededMemoryLimitNoDiskUseAllowed", driver.Other,
		"the query needs more memory than the server gives it: an index of the order's fields spares it",
	},
	301: {"DataCorruptionDetected", driver.Other, "the server's data are damaged: look into its log"},
	334: {
		"MechanismUnavailable", driver.Other,
		"the server does not have the way to log in that the connection string asks for (authMechanism)",
	},
	361: {"CollectionUUIDMismatch", driver.Other, "the collection was dropped and made anew"},
	411: {"QueryRejectedBySettings", driver.Other, "an administrator has the server refuse the query"},
}

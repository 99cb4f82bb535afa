// Package testbed finds and starts the real database servers that the tests run against, and stands between them
// and a test as a proxy that counts round trips and makes faults.
//
// A server is looked for in this order: the one that an environment variable names (STILLFRAME_MARIADB_DSN,
// STILLFRAME_MYSQL_DSN, STILLFRAME_MONGO_URI, STILLFRAME_SQLSERVER_DSN); a program on PATH; a program in the folder
// .servers, which "make servers" fills; Docker, when its daemon answers. A test that misses its server is skipped with
// the reason, and fails where STILLFRAME_REQUIRE names the server (mariadb, mysql, mongo, sqlserver, with commas
// between). A server that is there and does not work always fails the test. Two things that are no servers are found in
// .servers alone, and are required by the names tsql and interop: TSQL, Python.
//
// SQL Server is no program that could be fetched: it runs in Docker, from the image that
// STILLFRAME_SQLSERVER_IMAGE names (Microsoft's, of SQL Server 2019 or later).
//
// A server that is started here listens on 127.0.0.1 only, on a free port, with its data in a temporary folder.
// All tests of one test binary share it; each makes itself a database (Server.Database, MongoSet.Database). It
// ends with the test binary, also with one that is killed, since a supervisor outlives that. Nothing has to be
// called in TestMain.
//
// Tests that kill or pause a server start one of their own: StartMariaDB, StartMySQL, StartMongo.
package testbed

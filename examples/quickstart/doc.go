// Quickstart opens MySQL (or MariaDB) and MongoDB and takes 100 from the same club in both. It is the
// first code of the README:
//
//	MYSQL='user:password@tcp(localhost:3306)/game' MONGO='mongodb://localhost:27017' go run ./examples/quickstart
//
// It makes the table and the collection clubs where they are missing, and the club 7 in them.
package main

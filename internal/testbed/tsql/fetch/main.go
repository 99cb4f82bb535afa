// Command fetch puts Microsoft's T-SQL parser into .servers/tsql, for the tests of package tsql and of the backend. It
// installs nothing on the system and needs no rights: the packages of requirements.txt and libraries.txt in package
// tsql are downloaded by pip, which checks the sum of each, into that folder alone. It prints one line, and exits with
// 0 either way: the tests decide by STILLFRAME_REQUIRE whether the parser must be there. A folder that is up to date is
// left as it is.
//
// Usage:
//
//	go run ./internal/testbed/tsql/fetch
package main

import (
	"github.com/stillframe/stillframe/internal/testbed/fetched"
	"github.com/stillframe/stillframe/internal/testbed/tsql"
)

func main() { fetched.Print("tsql", "got from PyPI", tsql.Fetch) }

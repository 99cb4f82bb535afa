// Command fetch puts SQLAlchemy and mongoengine into .servers/python, for the tests of package interop. It installs
// nothing on the system and needs no rights. It prints one line, and exits with 0 either way: the tests decide by
// STILLFRAME_REQUIRE whether the clients must be there. A folder that is up to date is left as it is.
//
// Usage:
//
//	go run ./internal/testbed/python/fetch
package main

import (
	"github.com/stillframe/stillframe/internal/testbed/fetched"
	"github.com/stillframe/stillframe/internal/testbed/python"
)

func main() { fetched.Print("interop", "SQLAlchemy and mongoengine by pip", python.Fetch) }

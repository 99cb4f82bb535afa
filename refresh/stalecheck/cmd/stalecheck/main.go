// Command stalecheck is a tool of go vet: go vet -vettool=$(which stalecheck) ./...
package main

import (
	"golang.org/x/tools/go/analysis/unitchecker"

	"github.com/stillframe/stillframe/refresh/stalecheck"
)

func main() { unitchecker.Main(stalecheck.Analyzers()...) }

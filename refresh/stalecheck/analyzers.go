package stalecheck

import "golang.org/x/tools/go/analysis"

// Analyzers are all checks, in the order of the package's documentation.
func Analyzers() []*analysis.Analyzer {
	return []*analysis.Analyzer{Rebound, DroppedErr, Impure, OuterTx, Mapping, Fields, Unknown, StaleCopy, KeptCopy}
}

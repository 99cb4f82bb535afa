package stalecheck

import (
	"go/ast"
	"go/token"
	"go/types"
	"strings"

	"golang.org/x/tools/go/analysis"
)

// Rebound finds methods that are called Refresh and refresh nothing.
var Rebound = &analysis.Analyzer{
	Name: "rebound",
	Doc:  "rebound: a method called Refresh, Reload or Refetch must not assign to its receiver, which changes nothing",
	Run:  rebound,
}

var refreshing = map[string]bool{"refresh": true, "reload": true, "refetch": true}

// rebound looks at each method whose name promises a refresh.
func rebound(pass *analysis.Pass) (any, error) {
	for _, file := range pass.Files {
		for _, decl := range file.Decls {
			fn, ok := decl.(*ast.FuncDecl)
			if !ok || fn.Recv == nil || fn.Body == nil || !refreshing[strings.ToLower(fn.Name.Name)] {
				continue
			}
			if names := fn.Recv.List[0].Names; len(names) == 1 {
				reboundIn(pass, fn, pass.TypesInfo.Defs[names[0]])
			}
		}
	}
	return nil, nil
}

// reboundIn reports the assignments to a receiver.
func reboundIn(pass *analysis.Pass, fn *ast.FuncDecl, receiver types.Object) {
	ast.Inspect(fn.Body, func(n ast.Node) bool {
		assign, ok := n.(*ast.AssignStmt)
		if !ok || assign.Tok != token.ASSIGN {
			return true
		}
		for i, left := range assign.Lhs {
			id, ok := left.(*ast.Ident)
			if !ok || receiver == nil || pass.TypesInfo.Uses[id] != receiver {
				continue
			}
			d := analysis.Diagnostic{
				Pos: assign.Pos(), End: assign.End(),
				Message: "assigning to the receiver " + id.Name + " refreshes nothing: it is a variable of this method",
			}
			if len(assign.Lhs) == len(assign.Rhs) && isNamedPointer(pass.TypesInfo, assign.Rhs[i], receiver.Type()) {
				d.SuggestedFixes = []analysis.SuggestedFix{{
					Message: "assign what " + id.Name + " points at",
					TextEdits: []analysis.TextEdit{
						{Pos: id.Pos(), End: id.Pos(), NewText: []byte("*")},
						{Pos: assign.Rhs[i].Pos(), End: assign.Rhs[i].Pos(), NewText: []byte("*")},
					},
				}}
			}
			report(pass, d)
		}
		return true
	})
}

// isNamedPointer reports whether an expression is a variable, or a field, of a pointer type.
func isNamedPointer(info *types.Info, e ast.Expr, t types.Type) bool {
	switch e.(type) {
	case *ast.Ident, *ast.SelectorExpr:
	default:
		return false
	}
	_, isPointer := t.(*types.Pointer)
	return isPointer && types.Identical(info.TypeOf(e), t)
}

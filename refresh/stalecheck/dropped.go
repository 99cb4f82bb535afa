package stalecheck

import (
	"go/ast"
	"go/types"

	"golang.org/x/tools/go/analysis"
)

// DroppedErr finds loops that look complete and may not be.
var DroppedErr = &analysis.Analyzer{
	Name: "droppederr",
	Doc:  "droppederr: a loop over Find, Watch, Follow or another of the library's sequences must take the error",
	Run:  droppedErr,
}

// droppedErr looks at each loop over a call of the library.
func droppedErr(pass *analysis.Pass) (any, error) {
	for _, file := range pass.Files {
		ast.Inspect(file, func(n ast.Node) bool {
			loop, ok := n.(*ast.RangeStmt)
			if !ok || !isBlank(loop.Value) {
				return true
			}
			call, ok := ast.Unparen(loop.X).(*ast.CallExpr)
			if !ok {
				return true
			}
			_, _, name, ok := callee(pass.TypesInfo, call)
			if ok && givesErrors(pass.TypesInfo.TypeOf(call)) {
				report(pass, analysis.Diagnostic{
					Pos: loop.Pos(), End: loop.X.End(),
					Message: "the loop drops the error of " + name + ": where it ends early it looks complete",
				})
			}
			return true
		})
	}
	return nil, nil
}

func isBlank(e ast.Expr) bool {
	id, ok := e.(*ast.Ident)
	return e == nil || ok && id.Name == "_"
}

// givesErrors reports whether a type is an iter.Seq2 of anything and error.
func givesErrors(t types.Type) bool {
	seq, ok := t.Underlying().(*types.Signature)
	if !ok || seq.Params().Len() != 1 {
		return false
	}
	yield, ok := seq.Params().At(0).Type().Underlying().(*types.Signature)
	return ok && yield.Params().Len() == 2 &&
		types.Identical(yield.Params().At(1).Type(), types.Universe.Lookup("error").Type())
}

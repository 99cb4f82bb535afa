package stalecheck

import (
	"go/ast"
	"go/types"

	"golang.org/x/tools/go/analysis"
)

// OuterTx finds calls in a transaction's function that are not in the transaction.
var OuterTx = &analysis.Analyzer{
	Name: "outertx",
	Doc:  "outertx: in the function of Atomic, View or Once calls take its own ctx, on repositories bound to its Tx",
	Run:  outerTx,
}

var transacting = map[string]bool{"Atomic": true, "View": true, "Once": true, "OnceValue": true}

// unbound are methods of a repository that need no Tx.
var unbound = map[string]bool{
	"In": true, "Base": true, "DB": true, "Table": true, "Tx": true, "KeyOf": true, "VersionOf": true, "KeyText": true,
	"Copy": true, "Spec": true, "Different": true, "WhereKeys": true, "DDL": true,
}

// outerTx looks at each call of a repository in such a function.
func outerTx(pass *analysis.Pass) (any, error) {
	eachFunction(pass, transacting, func(_ *ast.CallExpr, name string, fn *ast.FuncLit) {
		if isTest(pass, fn.Pos()) {
			return
		}
		ctx, tx := parameter(pass.TypesInfo, fn, 0), parameter(pass.TypesInfo, fn, 1)
		ast.Inspect(fn.Body, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			pkg, receiver, method, ok := callee(pass.TypesInfo, call)
			if !ok || pkg != "store" || receiver != "Repository" || unbound[method] {
				return true
			}
			if len(call.Args) > 0 && isOutside(identVar(pass.TypesInfo, call.Args[0]), fn) {
				d := analysis.Diagnostic{
					Pos: call.Args[0].Pos(), End: call.Args[0].End(),
					Message: method + " in the function of " + name +
						" takes the ctx from outside, and outlives the Tx",
				}
				if ctx != nil {
					d.SuggestedFixes = replace(call.Args[0], ctx.Name(), "take the function's own")
				}
				report(pass, d)
			}
			outerReceiver(pass, name, method, fn, call, tx)
			return true
		})
	})
	return nil, nil
}

// outerReceiver reports a call on a repository from outside that is not bound to the Tx.
func outerReceiver(pass *analysis.Pass, name, method string, fn *ast.FuncLit, call *ast.CallExpr, tx *types.Var) {
	selector, ok := ast.Unparen(call.Fun).(*ast.SelectorExpr)
	if !ok || !isOutside(root(pass.TypesInfo, selector.X), fn) {
		return
	}
	d := analysis.Diagnostic{
		Pos: call.Pos(), End: call.End(),
		Message: method + " in the function of " + name + " is not part of the Tx: the repository is not bound to it",
	}
	if tx != nil {
		d.SuggestedFixes = []analysis.SuggestedFix{{
			Message: "bind it",
			TextEdits: []analysis.TextEdit{
				{Pos: selector.X.End(), End: selector.X.End(), NewText: []byte(".In(" + tx.Name() + ")")},
			},
		}}
	}
	report(pass, d)
}

func replace(e ast.Expr, text, message string) []analysis.SuggestedFix {
	return []analysis.SuggestedFix{{
		Message: message, TextEdits: []analysis.TextEdit{{Pos: e.Pos(), End: e.End(), NewText: []byte(text)}},
	}}
}

// identVar is the variable that an expression is.
func identVar(info *types.Info, e ast.Expr) *types.Var {
	id, ok := ast.Unparen(e).(*ast.Ident)
	if !ok {
		return nil
	}
	v, _ := info.ObjectOf(id).(*types.Var)
	return v
}

// parameter is that of a function literal, nil where it has no name.
func parameter(info *types.Info, fn *ast.FuncLit, i int) *types.Var {
	for _, field := range fn.Type.Params.List {
		for _, name := range field.Names {
			if i == 0 {
				if v, ok := info.Defs[name].(*types.Var); ok && name.Name != "_" {
					return v
				}
				return nil
			}
			i--
		}
	}
	return nil
}

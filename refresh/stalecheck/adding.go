package stalecheck

import (
	"go/ast"
	"go/token"
	"go/types"
)

// isAdding reports whether a call writes so that doing it twice is not doing it once: it inserts, or its function adds
// to what is there. Where the function is no literal nothing is known of it.
func isAdding(info *types.Info, call *ast.CallExpr) bool {
	pkg, receiver, name, ok := callee(info, call)
	if !ok || pkg != "store" || receiver != "Repository" && receiver != "DB" {
		return false
	}
	switch name {
	case "Insert", "InsertMany":
		return true
	case "Modify", "ModifyMany", "Upsert":
		return anyLiteral(call, func(fn *ast.FuncLit) bool { return addsTo(info, fn.Body, parameter(info, fn, 0)) })
	case "Atomic":
		return anyLiteral(call, func(fn *ast.FuncLit) bool {
			found := false
			ast.Inspect(fn.Body, func(n ast.Node) bool {
				inner, ok := n.(*ast.CallExpr)
				found = found || ok && isAdding(info, inner)
				return !found
			})
			return found
		})
	}
	return false
}

// anyLiteral reports whether one of the functions that a call is given is such.
func anyLiteral(call *ast.CallExpr, is func(*ast.FuncLit) bool) bool {
	for _, arg := range call.Args {
		if fn, ok := ast.Unparen(arg).(*ast.FuncLit); ok && is(fn) {
			return true
		}
	}
	return false
}

// addsTo reports whether a statement in a body makes a part of a variable of what that part was before.
func addsTo(info *types.Info, body ast.Node, v *types.Var) (found bool) {
	if v == nil {
		return false
	}
	ast.Inspect(body, func(n ast.Node) bool {
		switch s := n.(type) {
		case *ast.IncDecStmt:
			found = found || root(info, s.X) == v
		case *ast.AssignStmt:
			for i, left := range s.Lhs {
				switch value := valueAt(s.Rhs, i, len(s.Lhs)); {
				case root(info, left) != v || s.Tok == token.DEFINE:
				case s.Tok != token.ASSIGN:
					found = true
				case value != nil && mentions(value, types.ExprString(left)):
					found = true
				}
			}
		}
		return !found
	})
	return found
}

// mentions reports whether an expression holds another of that text, as an operand or an argument of append.
func mentions(e ast.Expr, text string) (found bool) {
	switch x := ast.Unparen(e).(type) {
	case *ast.BinaryExpr:
		return isText(x.X, text) || isText(x.Y, text) || mentions(x.X, text) || mentions(x.Y, text)
	case *ast.CallExpr:
		fn, ok := ast.Unparen(x.Fun).(*ast.Ident)
		return ok && fn.Name == "append" && len(x.Args) > 0 && isText(x.Args[0], text)
	}
	return false
}

func isText(e ast.Expr, text string) bool { return types.ExprString(ast.Unparen(e)) == text }

// isSame reports whether two calls do the same work: their texts are the same, but for the ctx and for functions.
func isSame(a, b *ast.CallExpr) bool {
	if types.ExprString(a.Fun) != types.ExprString(b.Fun) || len(a.Args) != len(b.Args) {
		return false
	}
	for i := range a.Args {
		if i > 0 && types.ExprString(a.Args[i]) != types.ExprString(b.Args[i]) {
			return false
		}
	}
	return true
}

package stalecheck

import (
	"go/ast"
	"go/token"
	"go/types"
	"strings"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/types/typeutil"
)

const module = "github.com/stillframe/stillframe/"

// callee returns the package below the module, the type of the receiver and the name of what a call calls, where that
// belongs to this library: "store", "Repository", "Modify". A method of a type that embeds one counts as its own.
func callee(info *types.Info, call *ast.CallExpr) (pkg, receiver, name string, ok bool) {
	fn := calleeFunc(info, call)
	if fn == nil || fn.Pkg() == nil || !strings.HasPrefix(fn.Pkg().Path()+"/", module) {
		return "", "", "", false
	}
	if recv := fn.Signature().Recv(); recv != nil {
		t := recv.Type()
		if p, isPointer := t.(*types.Pointer); isPointer {
			t = p.Elem()
		}
		if named, isNamed := t.(*types.Named); isNamed {
			receiver = named.Obj().Name()
		}
	}
	return strings.TrimPrefix(fn.Pkg().Path(), module), receiver, fn.Name(), true
}

// calleeFunc is the function or method that a call calls, nil where that shows in a run alone.
func calleeFunc(info *types.Info, call *ast.CallExpr) *types.Func {
	fn, _ := typeutil.Callee(info, call).(*types.Func)
	return fn
}

// report is pass.Report, unless a comment silences the line.
func report(pass *analysis.Pass, d analysis.Diagnostic) {
	line := pass.Fset.Position(d.Pos).Line
	for _, file := range pass.Files {
		if file.FileStart > d.Pos || d.Pos > file.FileEnd {
			continue
		}
		for _, group := range file.Comments {
			for _, c := range group.List {
				at := pass.Fset.Position(c.Pos()).Line
				if strings.HasPrefix(c.Text, "//stalecheck:ignore ") && (at == line || at == line-1) {
					return
				}
			}
		}
	}
	pass.Report(d)
}

// isTest reports whether a position is in a test, or in a package that helps tests: it imports package testing.
func isTest(pass *analysis.Pass, pos token.Pos) bool {
	for _, imported := range pass.Pkg.Imports() {
		if imported.Path() == "testing" {
			return true
		}
	}
	return strings.HasSuffix(pass.Fset.Position(pos).Filename, "_test.go")
}

// root returns the variable that an expression such as x, x.y or x[i].z begins with, nil where it is none.
func root(info *types.Info, e ast.Expr) *types.Var {
	for {
		switch x := ast.Unparen(e).(type) {
		case *ast.Ident:
			v, _ := info.ObjectOf(x).(*types.Var)
			return v
		case *ast.SelectorExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		default:
			return nil
		}
	}
}

// isOutside reports whether a variable is declared outside a function literal.
func isOutside(v *types.Var, fn *ast.FuncLit) bool {
	return v != nil && (v.Pos() < fn.Pos() || v.Pos() >= fn.End())
}

// eachFunction calls do for each function literal that is handed to one of the library's calls of these names.
func eachFunction(
	pass *analysis.Pass, names map[string]bool, do func(call *ast.CallExpr, name string, fn *ast.FuncLit),
) {
	for _, file := range pass.Files {
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			pkg, receiver, name, ok := callee(pass.TypesInfo, call)
			if !ok || pkg != "store" || !names[name] || receiver != "" && receiver != "Repository" && receiver != "DB" {
				return true
			}
			for _, arg := range call.Args {
				if fn, ok := ast.Unparen(arg).(*ast.FuncLit); ok {
					do(call, name, fn)
				}
			}
			return true
		})
	}
}

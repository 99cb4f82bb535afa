package stalecheck

import (
	"go/ast"
	"go/token"
	"go/types"

	"golang.org/x/tools/go/analysis"
)

// Impure finds functions that do harm when they run again.
var Impure = &analysis.Analyzer{
	Name: "impure",
	Doc:  "impure: a function of Modify, Atomic, View or Once may run again, and must do nothing outside",
	Run:  impure,
}

var repeating = map[string]bool{
	"Modify": true, "ModifyMany": true, "Upsert": true, "Atomic": true, "View": true, "Once": true, "OnceValue": true,
}

// impure looks at each such function. One that stands in another is looked at by itself.
func impure(pass *analysis.Pass) (any, error) {
	var all []*impurity
	eachFunction(pass, repeating, func(call *ast.CallExpr, name string, fn *ast.FuncLit) {
		all = append(all, &impurity{pass: pass, call: call, name: name, fn: fn, isSet: map[*types.Var]bool{}})
	})
	for _, c := range all {
		for _, outer := range all {
			c.isInner = c.isInner || outer.fn.Pos() < c.fn.Pos() && c.fn.End() <= outer.fn.End()
		}
	}
	for _, c := range all {
		if isTest(pass, c.fn.Pos()) {
			continue
		}
		ast.Inspect(c.fn.Body, func(n ast.Node) bool {
			for _, other := range all {
				if n == other.fn {
					return false
				}
			}
			return c.visit(n)
		})
	}
	return nil, nil
}

// impurity looks at one function.
type impurity struct {
	pass    *analysis.Pass
	call    *ast.CallExpr // that the function is given to
	name    string
	fn      *ast.FuncLit
	isInner bool                // it stands in another such function
	isSet   map[*types.Var]bool // what the function has assigned anew by then
}

// visit looks at one statement of the function, for ast.Inspect. What is given to OnCommit happens once, after it.
func (c *impurity) visit(n ast.Node) bool {
	switch s := n.(type) {
	case *ast.CallExpr:
		if pkg, receiver, method, ok := callee(c.pass.TypesInfo, s); ok && pkg == "store" && receiver == "Tx" {
			return method != "OnCommit"
		}
		c.calls(s)
	case *ast.UnaryExpr:
		if s.Op == token.ARROW && isOutside(root(c.pass.TypesInfo, s.X), c.fn) {
			c.reportWait(s, "receives from a channel: what it took a second run does not get")
		}
	case *ast.RangeStmt:
		_, isChannel := c.pass.TypesInfo.TypeOf(s.X).Underlying().(*types.Chan)
		if isChannel && isOutside(root(c.pass.TypesInfo, s.X), c.fn) {
			c.reportWait(s.X, "receives from a channel: what it took a second run does not get")
		}
	case *ast.SendStmt:
		if isOutside(root(c.pass.TypesInfo, s.Chan), c.fn) {
			c.report(s, "sends on a channel")
		}
	case *ast.IncDecStmt:
		c.adds(s, s.X)
	case *ast.AssignStmt:
		for i, left := range s.Lhs {
			switch {
			case s.Tok != token.ASSIGN && s.Tok != token.DEFINE:
				c.adds(s, left)
			case s.Tok == token.ASSIGN && i < len(s.Rhs) && c.isAppendTo(s.Rhs[i], left):
				c.adds(s, left)
			case s.Tok == token.ASSIGN:
				if v, ok := c.variable(left); ok {
					c.isSet[v] = true
				}
			}
		}
	}
	return true
}

// variable returns the variable that an expression is, not a part of it.
func (c *impurity) variable(e ast.Expr) (*types.Var, bool) {
	id, ok := ast.Unparen(e).(*ast.Ident)
	if !ok {
		return nil, false
	}
	v, ok := c.pass.TypesInfo.ObjectOf(id).(*types.Var)
	return v, ok
}

// adds reports a statement that adds to a variable from outside which the function has not set before.
func (c *impurity) adds(n ast.Node, to ast.Expr) {
	if v := root(c.pass.TypesInfo, to); isOutside(v, c.fn) && !c.isSet[v] {
		c.report(n, "adds to "+v.Name())
	}
}

// isAppendTo reports whether an expression is append(to, …).
func (c *impurity) isAppendTo(e, to ast.Expr) bool {
	call, ok := ast.Unparen(e).(*ast.CallExpr)
	if !ok || len(call.Args) == 0 {
		return false
	}
	fn, ok := ast.Unparen(call.Fun).(*ast.Ident)
	if !ok || fn.Name != "append" {
		return false
	}
	v := root(c.pass.TypesInfo, to)
	return v != nil && v == root(c.pass.TypesInfo, call.Args[0])
}

func (c *impurity) report(n ast.Node, what string) {
	report(c.pass, analysis.Diagnostic{
		Pos: n.Pos(), End: n.End(), Message: "the function of " + c.name + " " + what + ", and may run several times",
	})
}

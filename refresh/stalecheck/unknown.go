package stalecheck

import (
	"go/ast"
	"go/token"
	"go/types"
	"strings"

	"golang.org/x/tools/go/analysis"
)

// Unknown finds code that takes an outcome which nobody knows for a failure, or for success.
var Unknown = &analysis.Analyzer{
	Name: "unknown",
	Doc:  "unknown: what may have happened must not be done again, nor be given back as what has not happened, or has",
	Run:  unknown,
}

// unknown looks at each function by itself.
func unknown(pass *analysis.Pass) (any, error) {
	if !uses(pass) {
		return nil, nil
	}
	for _, file := range pass.Files {
		ast.Inspect(file, func(n ast.Node) bool {
			var body *ast.BlockStmt
			var kind *ast.FuncType
			switch fn := n.(type) {
			case *ast.FuncDecl:
				body, kind = fn.Body, fn.Type
			case *ast.FuncLit:
				body, kind = fn.Body, fn.Type
			}
			if body != nil && !isTest(pass, body.Pos()) {
				c := &unknownCheck{pass: pass, body: body, givesError: lastIsError(pass.TypesInfo, kind)}
				c.look()
			}
			return true
		})
	}
	return nil, nil
}

func lastIsError(info *types.Info, fn *ast.FuncType) bool {
	if fn.Results == nil || len(fn.Results.List) == 0 {
		return false
	}
	last := info.TypeOf(fn.Results.List[len(fn.Results.List)-1].Type)
	return types.Identical(last, types.Universe.Lookup("error").Type())
}

// unknownCheck looks at one function.
type unknownCheck struct {
	pass       *analysis.Pass
	body       *ast.BlockStmt
	givesError bool
	loops      []ast.Node // around the present statement
}

// look goes through the function's statements, those of functions in it left out.
func (c *unknownCheck) look() {
	var stack []ast.Node
	ast.Inspect(c.body, func(n ast.Node) bool {
		if n == nil {
			if loop := stack[len(stack)-1]; len(c.loops) > 0 && c.loops[len(c.loops)-1] == loop {
				c.loops = c.loops[:len(c.loops)-1]
			}
			stack = stack[:len(stack)-1]
			return true
		}
		switch s := n.(type) {
		case *ast.FuncLit:
			return false
		case *ast.ForStmt:
			c.loops = append(c.loops, s)
			c.blindLoop(s.Body, s)
		case *ast.RangeStmt:
			c.loops = append(c.loops, s)
			if isNumber(c.pass.TypesInfo.TypeOf(s.X)) {
				c.blindLoop(s.Body, s)
			}
		case *ast.IfStmt:
			if err := c.unknownIn(s.Cond); err != nil {
				c.branch(err, s.Cond, s.Body.List)
			}
		case *ast.CaseClause:
			for _, e := range s.List {
				if err := c.unknownIn(e); err != nil {
					c.branch(err, e, s.Body)
				}
			}
		}
		stack = append(stack, n)
		return true
	})
}

func isNumber(t types.Type) bool {
	basic, ok := t.Underlying().(*types.Basic)
	return ok && basic.Info()&types.IsInteger != 0
}

// unknownIn returns the error of which a condition, where it holds, says that its outcome is unknown, or may be.
func (c *unknownCheck) unknownIn(cond ast.Expr) *types.Var {
	info := c.pass.TypesInfo
	switch x := ast.Unparen(cond).(type) {
	case *ast.BinaryExpr:
		switch {
		case x.Op == token.LAND || x.Op == token.LOR:
			if err := c.unknownIn(x.X); err != nil {
				return err
			}
			return c.unknownIn(x.Y)
		case x.Op == token.EQL && sentinel(info, x.Y) == "ErrUnknownOutcome":
			return identVar(info, x.X)
		}
	case *ast.CallExpr:
		if len(x.Args) == 2 && isErrorsIs(info, x) && sentinel(info, x.Args[1]) == "ErrUnknownOutcome" {
			return identVar(info, x.Args[0])
		}
		pkg, receiver, name, ok := callee(info, x)
		if ok && pkg == "store" && receiver == "" && name == "MayHaveHappened" {
			return identVar(info, x.Args[0])
		}
	}
	return nil
}

func isErrorsIs(info *types.Info, call *ast.CallExpr) bool {
	fn := calleeFunc(info, call)
	return fn != nil && fn.Pkg() != nil && fn.Pkg().Path() == "errors" && fn.Name() == "Is"
}

// sentinel is the name of package store's error that an expression is, empty where it is none.
func sentinel(info *types.Info, e ast.Expr) string {
	var id *ast.Ident
	switch x := ast.Unparen(e).(type) {
	case *ast.Ident:
		id = x
	case *ast.SelectorExpr:
		id = x.Sel
	default:
		return ""
	}
	v, ok := info.Uses[id].(*types.Var)
	if !ok || v.Pkg() == nil || v.Pkg().Path() != module+"store" || !strings.HasPrefix(v.Name(), "Err") {
		return ""
	}
	return v.Name()
}

// failed is the call that has given the error which a condition looks at: the last one before it that does.
func (c *unknownCheck) failed(err *types.Var, before ast.Node) (call *ast.CallExpr) {
	ast.Inspect(c.body, func(n ast.Node) bool {
		if _, isLiteral := n.(*ast.FuncLit); isLiteral {
			return false
		}
		s, ok := n.(*ast.AssignStmt)
		if !ok || s.End() > before.Pos() || len(s.Rhs) != 1 {
			return true
		}
		for _, left := range s.Lhs {
			if identVar(c.pass.TypesInfo, left) == err {
				call, _ = ast.Unparen(s.Rhs[0]).(*ast.CallExpr)
			}
		}
		return true
	})
	return call
}

// branch looks at what is done where an outcome is unknown.
func (c *unknownCheck) branch(err *types.Var, cond ast.Expr, body []ast.Stmt) {
	call := c.failed(err, cond)
	if call == nil {
		return
	}
	var quiet bool // it looks whether the write stands: an insert of a key that is there says so
	for _, s := range body {
		ast.Inspect(s, func(n ast.Node) bool {
			if e, ok := n.(ast.Expr); ok && sentinel(c.pass.TypesInfo, e) == "ErrExists" {
				quiet = true
			}
			return true
		})
	}
	for _, s := range body {
		ast.Inspect(s, func(n ast.Node) bool {
			switch x := n.(type) {
			case *ast.FuncLit, *ast.ForStmt, *ast.RangeStmt:
				return false
			case *ast.CallExpr:
				if !quiet && isAdding(c.pass.TypesInfo, x) && isSame(x, call) {
					c.again(x, x)
				}
			case *ast.BranchStmt:
				if loop := c.loop(x); loop != nil && c.isRepeated(loop, call) {
					c.again(x, call)
				}
			case *ast.ReturnStmt:
				c.returned(err, x)
			}
			return true
		})
	}
	c.success(call, body)
}

// again reports what does a call again.
func (c *unknownCheck) again(at ast.Node, call *ast.CallExpr) {
	_, _, name, _ := callee(c.pass.TypesInfo, call)
	report(c.pass, analysis.Diagnostic{
		Pos: at.Pos(), End: at.End(),
		Message: "after an outcome that is not known " + name + " is done again, and may then have happened twice: " +
			"give the work a key, and do it in a store.Once",
	})
}

// loop is the loop that a continue goes on with, nil where it is another statement.
func (c *unknownCheck) loop(s *ast.BranchStmt) ast.Node {
	if s.Tok != token.CONTINUE || s.Label != nil || len(c.loops) == 0 {
		return nil
	}
	return c.loops[len(c.loops)-1]
}

// isRepeated reports whether each turn of a loop makes the same call: it stands in the loop, and what it is given comes
// from outside and stays. The turns of a loop over a list are about other things each.
func (c *unknownCheck) isRepeated(loop ast.Node, call *ast.CallExpr) bool {
	if s, ok := loop.(*ast.RangeStmt); ok && !isNumber(c.pass.TypesInfo.TypeOf(s.X)) {
		return false
	}
	if !isWithin(call, loop) || !isAdding(c.pass.TypesInfo, call) {
		return false
	}
	given := map[*types.Var]bool{}
	ast.Inspect(call, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok {
			v, ok := c.pass.TypesInfo.Uses[id].(*types.Var)
			if ok && !v.IsField() && !isContext(v.Type()) && (v.Pos() < call.Pos() || v.Pos() > call.End()) {
				given[v] = true
			}
		}
		return true
	})
	for v := range given {
		if loop.Pos() <= v.Pos() && v.Pos() < loop.End() {
			return false
		}
	}
	isOther := false
	ast.Inspect(loop, func(n ast.Node) bool {
		switch s := n.(type) {
		case *ast.AssignStmt:
			for _, left := range s.Lhs {
				isOther = isOther || given[root(c.pass.TypesInfo, left)]
			}
		case *ast.IncDecStmt:
			isOther = isOther || given[root(c.pass.TypesInfo, s.X)]
		}
		return n != call
	})
	return !isOther
}

func isWithin(inner, outer ast.Node) bool {
	return outer.Pos() <= inner.Pos() && inner.End() <= outer.End()
}

func isContext(t types.Type) bool {
	named, ok := types.Unalias(t).(*types.Named)
	return ok && named.Obj().Pkg() != nil && named.Obj().Pkg().Path() == "context" && named.Obj().Name() == "Context"
}

// returned reports a return that says nothing happened, where that is not known.
func (c *unknownCheck) returned(err *types.Var, s *ast.ReturnStmt) {
	var said ast.Expr
	isHonest := false
	ast.Inspect(s, func(n ast.Node) bool {
		e, ok := n.(ast.Expr)
		if !ok {
			return true
		}
		name := sentinel(c.pass.TypesInfo, e)
		switch {
		case name == "ErrUnknownOutcome" || identVar(c.pass.TypesInfo, e) == err:
			isHonest = true
		case name != "":
			said = e
		}
		return name == ""
	})
	if said != nil && !isHonest {
		report(c.pass, analysis.Diagnostic{
			Pos: said.Pos(), End: said.End(),
			Message: "an outcome that is not known is given back as " + types.ExprString(said) +
				", which says that nothing has happened: wrap the error",
			SuggestedFixes: replace(said, err.Name(), "give back "+err.Name()),
		})
	}
}

// success reports a branch that does nothing but give the outcome back as success, but for logs.
func (c *unknownCheck) success(call *ast.CallExpr, body []ast.Stmt) {
	pkg, receiver, name, ok := callee(c.pass.TypesInfo, call)
	isWrite := repositoryWrites[name] || repeating[name]
	if !ok || pkg != "store" || receiver != "Repository" && receiver != "DB" || !isWrite {
		return
	}
	for i, s := range body {
		switch x := s.(type) {
		case *ast.ExprStmt:
			logs, ok := x.X.(*ast.CallExpr)
			if !ok || !isLog(c.pass.TypesInfo, logs) {
				return
			}
		case *ast.ReturnStmt:
			n := len(x.Results)
			if i == len(body)-1 && c.givesError && n > 0 && isNil(c.pass.TypesInfo, x.Results[n-1]) {
				report(c.pass, analysis.Diagnostic{
					Pos: x.Pos(), End: x.End(),
					Message: "the outcome of " + name + " is not known, and given back as success: return the error, " +
						"or find out by a write of the same copy, or a store.Once",
				})
			}
		default:
			return
		}
	}
}

func isNil(info *types.Info, e ast.Expr) bool { return info.Types[e].IsNil() }

// isLog reports whether a call writes a log, or waits, and does nothing about an error that it is given.
func isLog(info *types.Info, call *ast.CallExpr) bool {
	fn := calleeFunc(info, call)
	if fn == nil || fn.Pkg() == nil {
		return false
	}
	switch fn.Pkg().Path() {
	case "log", "log/slog", "time":
		return true
	case "fmt":
		return strings.HasPrefix(fn.Name(), "Print") || strings.HasPrefix(fn.Name(), "Fprint")
	}
	for _, word := range []string{"Debug", "Info", "Warn", "Error", "Log", "Print"} {
		if strings.HasPrefix(fn.Name(), word) && fn.Signature().Recv() != nil {
			return true
		}
	}
	return false
}

// blindLoop reports a loop that makes a call until it gives no error, whatever error it was.
func (c *unknownCheck) blindLoop(body *ast.BlockStmt, loop ast.Node) {
	for i, s := range body.List {
		check, ok := s.(*ast.IfStmt)
		if !ok {
			continue
		}
		err, isFailure := comparedWithNil(c.pass.TypesInfo, check.Cond)
		if err == nil {
			continue
		}
		call := c.failed(err, check.Cond)
		if call == nil || !c.isRepeated(loop, call) || c.isLookedAt(err, body) {
			continue
		}
		rest := body.List[i+1:]
		isGoingOn := !leaves(check.Body.List) && check.Else == nil
		switch {
		case !isFailure && leaves(check.Body.List) && !leaves(rest) && check.Else == nil: // no error leaves
		case isFailure && isGoingOn && continues(check.Body.List) && leaves(rest): // an error goes on
		default:
			continue
		}
		c.again(call.Fun, call)
		return
	}
}

// comparedWithNil is the error that a condition compares with nil, and whether the condition holds where it is one.
func comparedWithNil(info *types.Info, cond ast.Expr) (err *types.Var, isFailure bool) {
	x, ok := ast.Unparen(cond).(*ast.BinaryExpr)
	if !ok || x.Op != token.EQL && x.Op != token.NEQ || !isNil(info, x.Y) {
		return nil, false
	}
	v := identVar(info, x.X)
	if v == nil || !types.Identical(v.Type(), types.Universe.Lookup("error").Type()) {
		return nil, false
	}
	return v, x.Op == token.NEQ
}

// isLookedAt reports whether a body does more with an error than to compare it with nil, to log or to return it.
func (c *unknownCheck) isLookedAt(err *types.Var, body *ast.BlockStmt) (found bool) {
	ast.Inspect(body, func(n ast.Node) bool {
		switch x := n.(type) {
		case *ast.ReturnStmt:
			return false
		case *ast.CallExpr:
			if isLog(c.pass.TypesInfo, x) {
				return false
			}
			for _, arg := range x.Args {
				found = found || identVar(c.pass.TypesInfo, arg) == err
			}
		case *ast.SwitchStmt:
			found = found || x.Tag != nil && identVar(c.pass.TypesInfo, x.Tag) == err
		case *ast.TypeSwitchStmt:
			found = true
		case *ast.BinaryExpr:
			isErr := identVar(c.pass.TypesInfo, x.X) == err || identVar(c.pass.TypesInfo, x.Y) == err
			found = found || isErr && !isNil(c.pass.TypesInfo, x.Y)
		}
		return !found
	})
	return found
}

// leaves reports whether statements end in leaving the loop.
func leaves(body []ast.Stmt) bool {
	if len(body) == 0 {
		return false
	}
	switch s := body[len(body)-1].(type) {
	case *ast.ReturnStmt:
		return true
	case *ast.BranchStmt:
		return s.Tok == token.BREAK || s.Tok == token.GOTO
	}
	return false
}

// continues reports whether statements end in the next turn of the loop.
func continues(body []ast.Stmt) bool {
	if len(body) == 0 {
		return false
	}
	s, ok := body[len(body)-1].(*ast.BranchStmt)
	return ok && s.Tok == token.CONTINUE
}

package stalecheck

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/cfg"
)

// StaleCopy finds copies that are used as if they were what is stored, after a call has told that they are not.
var StaleCopy = &analysis.Analyzer{
	Name: "stalecopy",
	Doc:  "stalecopy: a copy whose Save has failed, or of which Wait has given a newer one, must be read again",
	Run:  staleCopy,
}

// staleCopy looks at each function by itself, along the ways that it can go.
func staleCopy(pass *analysis.Pass) (any, error) {
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
				copies := copiesIn(pass.TypesInfo, n, body)
				if len(copies) > 0 {
					f := &flow{pass: pass, copies: copies, givesError: lastIsError(pass.TypesInfo, kind)}
					f.run(cfg.New(body, func(call *ast.CallExpr) bool { return mayReturn(pass.TypesInfo, call) }))
				}
			}
			return true
		})
	}
	return nil, nil
}

// mayReturn reports whether the statements behind a call are reached.
func mayReturn(info *types.Info, call *ast.CallExpr) bool {
	if id, ok := ast.Unparen(call.Fun).(*ast.Ident); ok {
		if b, ok := info.Uses[id].(*types.Builtin); ok {
			return b.Name() != "panic"
		}
	}
	fn := calleeFunc(info, call)
	if fn == nil || fn.Pkg() == nil {
		return true
	}
	switch fn.Pkg().Path() + "." + fn.Name() {
	case "os.Exit", "log.Fatal", "log.Fatalf", "log.Fatalln", "log.Panic", "log.Panicf", "log.Panicln",
		"runtime.Goexit":
		return false
	}
	return true
}

// copiesIn are the variables of a function that hold an entity, or point at one, and that nobody else can reach: no
// function in it changes them, and no other variable points at them.
func copiesIn(info *types.Info, fn ast.Node, body *ast.BlockStmt) map[*types.Var]bool {
	copies := map[*types.Var]bool{}
	ast.Inspect(fn, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok {
			if v, ok := info.Defs[id].(*types.Var); ok && !v.IsField() && isCopy(v.Type()) {
				copies[v] = true
			}
		}
		return true
	})
	if len(copies) == 0 {
		return nil
	}
	var stack []ast.Node
	ast.Inspect(body, func(n ast.Node) bool {
		if n == nil {
			stack = stack[:len(stack)-1]
			return true
		}
		stack = append(stack, n)
		id, ok := n.(*ast.Ident)
		if !ok {
			return true
		}
		v, ok := info.ObjectOf(id).(*types.Var)
		if !ok || !copies[v] {
			return true
		}
		if isReachable(v, stack) {
			delete(copies, v)
		}
		return true
	})
	return copies
}

// isCopy reports whether a type is an entity or points at one.
func isCopy(t types.Type) bool {
	if p, ok := types.Unalias(t).(*types.Pointer); ok {
		t = p.Elem()
	}
	s, ok := t.Underlying().(*types.Struct)
	return ok && isEntity(s)
}

// isReachable reports whether one use of a variable, at the end of a stack of nodes, lets others change what it holds.
func isReachable(v *types.Var, stack []ast.Node) bool {
	parent := func(i int) ast.Node {
		if len(stack) < i+2 {
			return nil
		}
		return stack[len(stack)-2-i]
	}
	for _, n := range stack {
		// In a function of its own only reads of its fields are known to be harmless.
		fn, ok := n.(*ast.FuncLit)
		if !ok || !isOutside(v, fn) {
			continue
		}
		selector, ok := parent(0).(*ast.SelectorExpr)
		if !ok || selector.X != stack[len(stack)-1] {
			return true
		}
		if assign, ok := parent(1).(*ast.AssignStmt); ok && slices.Contains(assign.Lhs, ast.Expr(selector)) {
			return true
		}
	}
	if address, ok := parent(0).(*ast.UnaryExpr); ok && address.Op == token.AND {
		_, isArgument := parent(1).(*ast.CallExpr)
		return !isArgument
	}
	if _, isPointer := v.Type().Underlying().(*types.Pointer); !isPointer {
		return false
	}
	switch x := parent(0).(type) {
	case *ast.AssignStmt:
		return slices.Contains(x.Rhs, ast.Expr(stack[len(stack)-1].(*ast.Ident)))
	case *ast.CompositeLit, *ast.KeyValueExpr, *ast.SendStmt, *ast.ValueSpec:
		return true
	}
	return false
}

// copyState is what is known of a copy at one point. A copy of which there is none is fine.
type copyState struct {
	failed, fine bool          // on some way that leads here its last write has failed, or not
	err          *types.Var    // that has the outcome, where one has
	call         *ast.CallExpr // the write
	name         string        // of the write's method
	isNoted      bool          // where it has failed, something was done about it

	isOld  bool // there is a newer one
	oldErr *types.Var
	source string // the call that has given it
}

type copyStates map[*types.Var]copyState

// join adds what is known on another way, and reports whether that is anything new.
func (s copyStates) join(other copyStates) (isNew bool) {
	merge := func(v *types.Var, a, b copyState) {
		m := a
		if m.name == "" {
			m.err, m.call, m.name = b.err, b.call, b.name
		}
		if m.source == "" {
			m.oldErr, m.source = b.oldErr, b.source
		}
		m.failed, m.fine = a.failed || b.failed, a.fine || b.fine
		m.isNoted, m.isOld = a.isNoted || b.isNoted, a.isOld || b.isOld
		if a.failed && b.failed && a.err != b.err {
			m.err, m.isNoted = nil, true // what is known of two errors is not followed
		}
		if m != a {
			s[v], isNew = m, true
		}
	}
	none := copyState{fine: true}
	for v, state := range other {
		if own, ok := s[v]; ok {
			merge(v, own, state)
		} else {
			merge(v, none, state)
		}
	}
	for v, own := range s {
		if _, ok := other[v]; !ok {
			merge(v, own, none)
		}
	}
	return isNew
}

// flow follows the copies of one function.
type flow struct {
	pass       *analysis.Pass
	copies     map[*types.Var]bool
	givesError bool
	states     copyStates // at the present point
	isLast     bool       // findings are reported
	said       map[token.Pos]bool
}

// run goes along all ways until nothing new is known, and once more to report.
func (f *flow) run(graph *cfg.CFG) {
	in := map[*cfg.Block]copyStates{graph.Blocks[0]: {}}
	f.said = map[token.Pos]bool{}
	for _, f.isLast = range []bool{false, true} {
		todo := []*cfg.Block{graph.Blocks[0]}
		if f.isLast {
			todo = graph.Blocks
		}
		for n := 0; len(todo) > 0 && n < 100*len(graph.Blocks); n++ {
			block := todo[0]
			todo = todo[1:]
			start, ok := in[block]
			if !ok {
				continue // nothing leads here
			}
			f.states = clone(start)
			f.enter(block)
			for _, node := range block.Nodes {
				f.node(node, len(block.Succs) == 2 && node == block.Nodes[len(block.Nodes)-1])
			}
			for i, next := range block.Succs {
				out := clone(f.states)
				if cond, ok := last(block).(ast.Expr); ok && len(block.Succs) == 2 {
					f.refine(out, cond, i == 0)
				}
				before, ok := in[next]
				switch {
				case f.isLast:
				case !ok:
					in[next] = out
					todo = append(todo, next)
				case before.join(out):
					todo = append(todo, next)
				}
			}
		}
	}
}

func last(block *cfg.Block) ast.Node {
	if len(block.Nodes) == 0 {
		return nil
	}
	return block.Nodes[len(block.Nodes)-1]
}

func clone(s copyStates) copyStates {
	c := make(copyStates, len(s))
	for v, state := range s {
		c[v] = state
	}
	return c
}

// enter forgets the variables of a loop over a range, which hold something else in each turn.
func (f *flow) enter(block *cfg.Block) {
	s, ok := block.Stmt.(*ast.RangeStmt)
	if !ok || block.Kind != cfg.KindRangeBody {
		return
	}
	for _, e := range []ast.Expr{s.Key, s.Value} {
		if e != nil {
			delete(f.states, identVar(f.pass.TypesInfo, e))
		}
	}
}

// verdict is what a condition says of the outcome of a write.
type verdict uint8

const (
	silent    verdict = iota // nothing
	isFailed                 // that it has failed, and another try of the same copy would too
	isFine                   // that it has not
	isHandled                // something that is not followed here
)

// refine takes in what the condition at the end of a block says on one of the two ways behind it.
func (f *flow) refine(states copyStates, cond ast.Expr, holds bool) {
	for v, state := range states {
		if state.isOld && f.mentionsVersion(cond, v) {
			state.isOld = false
			states[v] = state
		}
		if state.oldErr != nil && f.verdictOf(cond, holds, copyState{err: state.oldErr}) != silent {
			state.isOld = state.isOld && f.verdictOf(cond, holds, copyState{err: state.oldErr}) == isFine
			states[v] = state
		}
		if !state.failed {
			continue
		}
		switch f.verdictOf(cond, holds, state) {
		case isFailed:
			state.fine = false
			states[v] = state
		case isFine, isHandled:
			states[v] = copyState{fine: true, isOld: state.isOld, oldErr: state.oldErr, source: state.source}
		}
	}
}

// verdictOf is what a condition says of the outcome of a copy's write where it holds, or where it does not.
func (f *flow) verdictOf(cond ast.Expr, holds bool, state copyState) verdict {
	info := f.pass.TypesInfo
	switch x := ast.Unparen(cond).(type) {
	case *ast.UnaryExpr:
		if x.Op == token.NOT {
			return f.verdictOf(x.X, !holds, state)
		}
	case *ast.BinaryExpr:
		switch x.Op {
		case token.LAND, token.LOR:
			left, right := f.verdictOf(x.X, holds, state), f.verdictOf(x.Y, holds, state)
			if holds == (x.Op == token.LAND) {
				return both(left, right)
			}
			return either(left, both(f.verdictOf(x.X, !holds, state), right))
		case token.EQL, token.NEQ:
			if isNil(info, x.Y) && f.isOutcome(x.X, state) {
				if holds == (x.Op == token.NEQ) {
					return isFailed
				}
				return isFine
			}
		}
	case *ast.CallExpr:
		if f.isConflict(x, state) && holds {
			return isFailed
		}
	}
	if state.err != nil && mentionsVar(info, cond, state.err) {
		return isHandled
	}
	return silent
}

// both is what two conditions say together.
func both(a, b verdict) verdict {
	switch {
	case a == silent || a == b:
		return b
	case b == silent:
		return a
	}
	return isHandled
}

// either is what is known where one of two things is.
func either(a, b verdict) verdict {
	switch {
	case a == b:
		return a
	case a == isHandled || b == isHandled:
		return isHandled
	}
	return silent
}

// isOutcome reports whether an expression is the error of a copy's write.
func (f *flow) isOutcome(e ast.Expr, state copyState) bool {
	if call, ok := ast.Unparen(e).(*ast.CallExpr); ok {
		return call == state.call
	}
	return state.err != nil && identVar(f.pass.TypesInfo, e) == state.err
}

// isConflict reports whether a call asks if the outcome of a copy's write is one after which the copy is of no use.
func (f *flow) isConflict(call *ast.CallExpr, state copyState) bool {
	if len(call.Args) == 0 || state.err == nil || identVar(f.pass.TypesInfo, call.Args[0]) != state.err {
		return false
	}
	if isErrorsIs(f.pass.TypesInfo, call) && len(call.Args) == 2 {
		return sentinel(f.pass.TypesInfo, call.Args[1]) == "ErrConflict"
	}
	pkg, receiver, name, ok := callee(f.pass.TypesInfo, call)
	return ok && pkg == "store" && receiver == "" && name == "Retryable" // with a fresh copy, that is
}

func mentionsVar(info *types.Info, n ast.Node, v *types.Var) (found bool) {
	ast.Inspect(n, func(n ast.Node) bool {
		id, ok := n.(*ast.Ident)
		found = found || ok && info.ObjectOf(id) == v
		return !found
	})
	return found
}

// mentionsVersion reports whether an expression looks at the version of a copy.
func (f *flow) mentionsVersion(n ast.Node, v *types.Var) (found bool) {
	ast.Inspect(n, func(n ast.Node) bool {
		switch x := n.(type) {
		case *ast.SelectorExpr:
			found = found || x.Sel.Name == "Version" && root(f.pass.TypesInfo, x) == v
		case *ast.CallExpr:
			_, _, name, ok := callee(f.pass.TypesInfo, x)
			found = found || ok && name == "VersionOf" && len(x.Args) == 1 && root(f.pass.TypesInfo, x.Args[0]) == v
		}
		return !found
	})
	return found
}

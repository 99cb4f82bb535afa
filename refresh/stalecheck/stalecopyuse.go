package stalecheck

import (
	"go/ast"
	"go/token"
	"go/types"
	"reflect"
	"strings"

	"golang.org/x/tools/go/analysis"
)

// saving are the calls that write by the version of a copy.
var saving = map[string]bool{"Save": true, "Touch": true, "Delete": true}

// asking are calls of a repository that a copy may be given to, whatever it is.
var asking = map[string]bool{
	"KeyOf": true, "VersionOf": true, "KeyText": true, "Different": true, "Copy": true,
}

// node takes in one statement or expression. isCondition says that the block branches by it.
func (f *flow) node(n ast.Node, isCondition bool) {
	info := f.pass.TypesInfo
	ast.Inspect(n, func(n ast.Node) bool {
		switch x := n.(type) {
		case *ast.FuncLit:
			return false
		case *ast.CallExpr:
			f.calls(x)
		}
		return true
	})
	if s, ok := n.(*ast.ReturnStmt); ok {
		f.returns(s)
	}
	f.settle(n, isCondition)
	if !isCondition {
		f.notes(n)
		f.passesError(n)
	}
	switch s := n.(type) {
	case *ast.AssignStmt:
		for _, left := range s.Lhs {
			f.assigned(left, s)
		}
	case *ast.ValueSpec:
		for _, name := range s.Names {
			delete(f.states, identVar(info, name))
		}
	}
}

// calls takes in one call.
func (f *flow) calls(call *ast.CallExpr) {
	info := f.pass.TypesInfo
	pkg, receiver, name, isOurs := callee(info, call)
	isRepository := isOurs && pkg == "store" && receiver == "Repository"
	switch {
	case isRepository && saving[name] && len(call.Args) == 2:
		if v := f.copyOf(call.Args[1]); v != nil {
			f.saved(v, call, name)
			return
		}
	case isRepository && asking[name], isLog(info, call), isHarmless(info, call):
		return
	case isOurs && pkg == "refresh" && (name == "Wait" || name == "Watch") && len(call.Args) > 2:
		f.superseded(call, name)
		return
	}
	for _, arg := range call.Args {
		v := f.copyOf(arg)
		if v == nil {
			continue
		}
		state := f.states[v]
		_, isPointer := info.TypeOf(arg).Underlying().(*types.Pointer)
		switch isKnown := state.err != nil && f.takes(call, state.err); {
		case isPointer: // it may read the copy anew
			delete(f.states, v)
		case isOurs && name == "IsStale": // it decides by that
			delete(f.states, v)
		case state.isTakenForStored() && !isKnown && !isOurs && !isBuiltin(info, call):
			f.report(arg, v.Name()+" is handed on here also where its "+state.name+" has failed, and is not what is "+
				"stored: Reload it, or leave on the error")
		}
	}
	if selector, ok := ast.Unparen(call.Fun).(*ast.SelectorExpr); ok && !isOurs {
		if v := f.copyOf(selector.X); v != nil && hasPointerReceiver(info, call) {
			delete(f.states, v) // the method may read it anew
		}
	}
}

func hasPointerReceiver(info *types.Info, call *ast.CallExpr) bool {
	fn := calleeFunc(info, call)
	if fn == nil || fn.Signature().Recv() == nil {
		return false
	}
	_, ok := fn.Signature().Recv().Type().(*types.Pointer)
	return ok
}

// takes reports whether a call is given an error too: it decides by it.
func (f *flow) takes(call *ast.CallExpr, err *types.Var) bool {
	for _, arg := range call.Args {
		if mentionsVar(f.pass.TypesInfo, arg, err) {
			return true
		}
	}
	return false
}

// isHarmless reports whether a call only makes a text, or an error, of what it is given.
func isHarmless(info *types.Info, call *ast.CallExpr) bool {
	fn := calleeFunc(info, call)
	if fn == nil || fn.Pkg() == nil {
		return false
	}
	switch fn.Pkg().Path() {
	case "fmt", "errors", "reflect":
		return true
	}
	return false
}

func isBuiltin(info *types.Info, call *ast.CallExpr) bool {
	tv, ok := info.Types[ast.Unparen(call.Fun)]
	return ok && (tv.IsBuiltin() || tv.IsType())
}

// copyOf is the copy that an expression is, points at, or is what one points at; nil where it is none.
func (f *flow) copyOf(e ast.Expr) *types.Var {
	e = ast.Unparen(e)
	switch x := e.(type) {
	case *ast.UnaryExpr:
		if x.Op != token.AND {
			return nil
		}
		e = ast.Unparen(x.X)
	case *ast.StarExpr:
		e = ast.Unparen(x.X)
	}
	v := identVar(f.pass.TypesInfo, e)
	if v == nil || !f.copies[v] {
		return nil
	}
	return v
}

// saved takes in a write by the version of a copy. What becomes of its error, the statement around it says.
func (f *flow) saved(v *types.Var, call *ast.CallExpr, name string) {
	state := f.states[v]
	switch {
	case state.failed:
		f.report(call, v.Name()+" is written again after its "+state.name+" has failed, perhaps because another "+
			"version is stored: Reload it first, or Modify")
	case state.isOld:
		f.report(call, v.Name()+" is written after "+state.source+" has given a newer copy of it: take that one")
	}
	f.states[v] = copyState{failed: true, fine: true, call: call, name: name}
}

// superseded takes in a call that gives a newer copy of what a variable holds: the entity of the same key.
func (f *flow) superseded(call *ast.CallExpr, name string) {
	info := f.pass.TypesInfo
	v := root(info, call.Args[2])
	if of, ok := ast.Unparen(call.Args[2]).(*ast.CallExpr); ok && len(of.Args) == 1 {
		if _, receiver, method, ok := callee(info, of); ok && receiver == "Repository" && method == "KeyOf" {
			v = f.copyOf(of.Args[0])
		}
	} else if selector, ok := ast.Unparen(call.Args[2]).(*ast.SelectorExpr); !ok || !isKey(info, selector) {
		return
	}
	t, _, ok := queried(info, call)
	if v == nil || !f.copies[v] || !ok {
		return
	}
	own := v.Type()
	if p, isPointer := types.Unalias(own).(*types.Pointer); isPointer {
		own = p.Elem()
	}
	if types.Identical(own, t) {
		state := f.states[v]
		if state == (copyState{}) {
			state.fine = true
		}
		state.isOld, state.source = true, name
		f.states[v] = state
	}
}

// isKey reports whether a selector is the field of an entity that is tagged as its key.
func isKey(info *types.Info, selector *ast.SelectorExpr) bool {
	t := info.TypeOf(selector.X)
	if p, ok := t.Underlying().(*types.Pointer); ok {
		t = p.Elem()
	}
	s, ok := t.Underlying().(*types.Struct)
	if !ok {
		return false
	}
	for i := range s.NumFields() {
		if s.Field(i).Name() != selector.Sel.Name {
			continue
		}
		for word := range strings.SplitSeq(reflect.StructTag(s.Tag(i)).Get("store"), ",") {
			if strings.TrimSpace(word) == "key" {
				return true
			}
		}
	}
	return false
}

// assigned takes in that a statement assigns to something: a copy is another one then, and an error has another
// outcome, that of the write in the same statement where there is one.
func (f *flow) assigned(left ast.Expr, s *ast.AssignStmt) {
	info := f.pass.TypesInfo
	v := identVar(info, left)
	if selector, ok := ast.Unparen(left).(*ast.SelectorExpr); ok {
		// A copy that takes a Snapshot or a version is meant to be that one.
		if name := selector.Sel.Name; name == "Snapshot" || name == "Version" {
			delete(f.states, root(info, selector))
		}
	}
	if star, ok := ast.Unparen(left).(*ast.StarExpr); ok {
		v = identVar(info, star.X)
	}
	if v == nil {
		return
	}
	delete(f.states, v)
	for copied, state := range f.states {
		isOwn := len(s.Rhs) == 1 && state.call != nil && ast.Unparen(s.Rhs[0]) == ast.Expr(state.call)
		switch {
		case isOwn:
			state.err = v
		case state.err == v:
			state.err = nil
		}
		if call, ok := ast.Unparen(s.Rhs[0]).(*ast.CallExpr); ok && state.isOld && len(s.Lhs) == 2 {
			if _, _, name, ok := callee(info, call); ok && name == state.source && left == s.Lhs[1] {
				state.oldErr = v
			}
		}
		f.states[copied] = state
	}
}

// isTakenForStored reports whether the code at this point is the same whether the write has failed or not, and nothing
// was done about it.
func (s copyState) isTakenForStored() bool { return s.failed && s.fine && !s.isNoted }

// settle forgets a write whose error does not go into a variable or a condition: it is dropped, or somebody else
// decides about it.
func (f *flow) settle(n ast.Node, isCondition bool) {
	for v, state := range f.states {
		if state.call == nil || !isWithin(state.call, n) {
			continue
		}
		isFollowed := false
		if s, ok := n.(*ast.AssignStmt); ok && len(s.Lhs) == 1 && ast.Unparen(s.Rhs[0]) == ast.Expr(state.call) {
			isFollowed = identVar(f.pass.TypesInfo, s.Lhs[0]) != nil && !isBlank(s.Lhs[0])
		}
		if isCondition {
			ast.Inspect(n, func(n ast.Node) bool {
				x, ok := n.(*ast.BinaryExpr)
				isIt := ok && ast.Unparen(x.X) == ast.Expr(state.call)
				isFollowed = isFollowed || isIt && isNil(f.pass.TypesInfo, x.Y)
				return true
			})
		}
		if !isFollowed {
			delete(f.states, v)
		}
	}
}

// notes takes in that something is done where a write has failed, other than to log it.
func (f *flow) notes(n ast.Node) {
	if _, isExpr := n.(ast.Expr); isExpr {
		return
	}
	if s, ok := n.(*ast.ExprStmt); ok && isLogged(f.pass.TypesInfo, s.X) {
		return
	}
	for v, state := range f.states {
		if state.failed && !state.fine {
			state.isNoted = true
			f.states[v] = state
		}
	}
}

// passesError forgets the failure of a copy whose error is used, other than in a log: somebody else decides about it.
func (f *flow) passesError(n ast.Node) {
	info := f.pass.TypesInfo
	for v, state := range f.states {
		if !state.failed {
			continue
		}
		if state.err == nil || state.call != nil && isWithin(state.call, n) {
			continue
		}
		isUsed := false
		ast.Inspect(n, func(n ast.Node) bool {
			switch x := n.(type) {
			case *ast.AssignStmt:
				for _, value := range x.Rhs {
					isUsed = isUsed || mentionsVar(info, value, state.err) && !isLogged(info, value)
				}
				return false
			case *ast.CallExpr:
				if isLog(info, x) || isHarmless(info, x) {
					return false
				}
			case *ast.Ident:
				isUsed = isUsed || info.Uses[x] == state.err
			}
			return true
		})
		if isUsed {
			delete(f.states, v)
		}
	}
}

func isLogged(info *types.Info, e ast.Expr) bool {
	call, ok := ast.Unparen(e).(*ast.CallExpr)
	return ok && isLog(info, call)
}

// returns looks at what a function gives back.
func (f *flow) returns(s *ast.ReturnStmt) {
	n := len(s.Results)
	if !f.givesError || n < 2 || !isNil(f.pass.TypesInfo, s.Results[n-1]) {
		return
	}
	for _, result := range s.Results[:n-1] {
		v := f.copyOf(result)
		if v == nil {
			continue
		}
		if state := f.states[v]; state.isTakenForStored() {
			f.report(result, v.Name()+" is given back without an error also where its "+state.name+" has failed, and "+
				"is not what is stored: Reload it, or give back the error")
		}
	}
}

func (f *flow) report(n ast.Node, message string) {
	if f.isLast && !f.said[n.Pos()] {
		f.said[n.Pos()] = true
		report(f.pass, analysis.Diagnostic{Pos: n.Pos(), End: n.End(), Message: message})
	}
}

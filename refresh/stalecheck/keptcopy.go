package stalecheck

import (
	"go/ast"
	"go/token"
	"go/types"
	"reflect"
	"strings"

	"golang.org/x/tools/go/analysis"
)

// KeptCopy finds copies that are kept where they grow old.
var KeptCopy = &analysis.Analyzer{
	Name: "keptcopy",
	Doc:  "keptcopy: what was read must not be kept where it outlives the call, unless it is looked after there",
	Run:  keptCopy,
}

// keptCopy looks at each function with the functions in it.
func keptCopy(pass *analysis.Pass) (any, error) {
	if !uses(pass) {
		return nil, nil
	}
	fresh := freshened(pass)
	for _, file := range pass.Files {
		for _, decl := range file.Decls {
			fn, ok := decl.(*ast.FuncDecl)
			if !ok || fn.Body == nil || isTest(pass, fn.Pos()) {
				continue
			}
			c := &keeping{pass: pass, fresh: fresh, copies: map[*types.Var]string{}, built: map[*types.Var]bool{}}
			for before := -1; before != len(c.copies); {
				before = len(c.copies)
				ast.Inspect(fn.Body, c.spread)
			}
			ast.Inspect(fn.Body, c.visit)
		}
	}
	return nil, nil
}

// freshening are calls by which a program finds out that a copy is old, or is told.
var freshening = map[string]bool{
	"Reload": true, "ReloadMany": true, "IsStale": true, "Versions": true, "OnWrite": true, "Changes": true,
	"Watch": true, "Follow": true,
}

// freshened are the variables and fields of a package that stand in a function with a freshening call: what is kept
// there is looked after.
func freshened(pass *analysis.Pass) map[types.Object]bool {
	all := map[types.Object]bool{}
	for _, file := range pass.Files {
		for _, decl := range file.Decls {
			found, mentioned := false, []types.Object{}
			ast.Inspect(decl, func(n ast.Node) bool {
				switch x := n.(type) {
				case *ast.CallExpr:
					_, _, name, ok := callee(pass.TypesInfo, x)
					found = found || ok && freshening[name]
				case *ast.Ident:
					if v, ok := pass.TypesInfo.Uses[x].(*types.Var); ok && (v.IsField() || isGlobal(v)) {
						mentioned = append(mentioned, v.Origin())
					}
				}
				return true
			})
			for _, object := range mentioned {
				all[object] = all[object] || found
			}
		}
	}
	return all
}

func isGlobal(v *types.Var) bool { return v.Pkg() != nil && v.Parent() == v.Pkg().Scope() }

// entityName is the name of the entity that a type is, points at, or is a list or map of, empty where it is none.
func entityName(t types.Type) string {
	switch x := types.Unalias(t).(type) {
	case *types.Pointer:
		return entityName(x.Elem())
	case *types.Slice:
		return entityName(x.Elem())
	case *types.Array:
		return entityName(x.Elem())
	case *types.Map:
		return entityName(x.Elem())
	case *types.Named:
		if s, ok := x.Underlying().(*types.Struct); ok && isEntity(s) {
			return x.Obj().Name()
		}
	}
	return ""
}

// isEntity reports whether a struct has a version, of its own or by a Snapshot that it embeds.
func isEntity(s *types.Struct) bool {
	for i := range s.NumFields() {
		f := s.Field(i)
		for word := range strings.SplitSeq(reflect.StructTag(s.Tag(i)).Get("store"), ",") {
			if strings.TrimSpace(word) == "version" {
				return true
			}
		}
		if inner, ok := f.Type().Underlying().(*types.Struct); f.Embedded() && ok && isEntity(inner) {
			return true
		}
	}
	return false
}

// keeping looks at one function.
type keeping struct {
	pass   *analysis.Pass
	fresh  map[types.Object]bool
	copies map[*types.Var]string // the local variables that hold what was read, with the entity's name
	built  map[*types.Var]bool   // those that the function has made itself, of what is for this call, perhaps
}

// spread notes the variables that one statement gives copies to, for ast.Inspect.
func (c *keeping) spread(n ast.Node) bool {
	give := func(left ast.Expr, name string) {
		if v := identVar(c.pass.TypesInfo, left); v != nil && name != "" && !isGlobal(v) && c.copies[v] == "" {
			c.copies[v] = name
		}
	}
	switch s := n.(type) {
	case *ast.AssignStmt:
		for i, left := range s.Lhs {
			give(left, c.copyAt(s, i))
			if v := identVar(c.pass.TypesInfo, left); v != nil && isMaking(valueAt(s.Rhs, i, len(s.Lhs))) {
				c.built[v] = true
			}
		}
	case *ast.ValueSpec:
		for i, name := range s.Names {
			if i < len(s.Values) {
				give(name, c.copyIn(s.Values[i]))
			}
		}
	case *ast.RangeStmt:
		if call, ok := ast.Unparen(s.X).(*ast.CallExpr); ok && s.Key != nil {
			if pkg, receiver, name, ok := callee(c.pass.TypesInfo, call); ok && pkg == "store" &&
				receiver == "Repository" && name == "Find" {
				give(s.Key, entityName(c.pass.TypesInfo.TypeOf(s.Key)))
			}
		}
		if s.Value != nil {
			give(s.Value, c.copyIn(s.X))
		}
	}
	return true
}

// isMaking reports whether an expression makes a struct, or a pointer to one.
func isMaking(e ast.Expr) bool {
	switch x := e.(type) {
	case *ast.UnaryExpr:
		return isMaking(x.X)
	case *ast.CompositeLit:
		return true
	case *ast.CallExpr:
		fn, ok := x.Fun.(*ast.Ident)
		return ok && fn.Name == "new"
	}
	return false
}

// copyAt is the name of the entity whose copy an assignment gives its left side i, empty where it gives none.
func (c *keeping) copyAt(s *ast.AssignStmt, i int) string {
	if value := valueAt(s.Rhs, i, len(s.Lhs)); value != nil {
		return c.copyIn(value)
	}
	call, ok := ast.Unparen(s.Rhs[0]).(*ast.CallExpr)
	if !ok || i > 0 {
		return ""
	}
	return c.readBy(call)
}

// readBy is the name of the entity that a call reads and returns, empty where it reads none.
func (c *keeping) readBy(call *ast.CallExpr) string {
	pkg, receiver, name, ok := callee(c.pass.TypesInfo, call)
	if !ok {
		return ""
	}
	switch {
	case pkg == "store" && receiver == "Repository":
		switch name {
		case "Get", "GetConfirmed", "GetMany", "First", "Page", "Modify", "ModifyMany", "Upsert":
		default:
			return ""
		}
	case pkg == "store" && name == "Collect", pkg == "refresh" && name == "Wait":
	default:
		return ""
	}
	t := c.pass.TypesInfo.TypeOf(call)
	if tuple, ok := t.(*types.Tuple); ok && tuple.Len() > 0 {
		t = tuple.At(0).Type()
	}
	return entityName(t)
}

// copyIn is the name of the entity of which an expression holds a copy, empty where it holds none.
func (c *keeping) copyIn(e ast.Expr) string {
	switch x := ast.Unparen(e).(type) {
	case *ast.Ident:
		return c.copies[identVar(c.pass.TypesInfo, x)]
	case *ast.UnaryExpr:
		if x.Op == token.AND {
			return c.copyIn(x.X)
		}
	case *ast.StarExpr:
		return c.copyIn(x.X)
	case *ast.IndexExpr:
		return c.copyIn(x.X)
	case *ast.SliceExpr:
		return c.copyIn(x.X)
	case *ast.CompositeLit:
		for _, element := range x.Elts {
			if pair, ok := element.(*ast.KeyValueExpr); ok {
				element = pair.Value
			}
			if name := c.copyIn(element); name != "" {
				return name
			}
		}
	case *ast.CallExpr:
		if fn, ok := ast.Unparen(x.Fun).(*ast.Ident); ok && fn.Name == "append" {
			for _, arg := range x.Args {
				if name := c.copyIn(arg); name != "" {
					return name
				}
			}
		}
	}
	return ""
}

// captured is the name of the entity of which a function literal, or one that is appended, holds a copy from outside.
func (c *keeping) captured(e ast.Expr) (name string) {
	if call, ok := ast.Unparen(e).(*ast.CallExpr); ok && len(call.Args) > 1 {
		if fn, ok := ast.Unparen(call.Fun).(*ast.Ident); ok && fn.Name == "append" {
			return c.captured(call.Args[1])
		}
	}
	fn, ok := ast.Unparen(e).(*ast.FuncLit)
	if !ok {
		return ""
	}
	ast.Inspect(fn.Body, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && name == "" {
			if v := identVar(c.pass.TypesInfo, id); v != nil && isOutside(v, fn) {
				name = c.copies[v]
			}
		}
		return name == ""
	})
	return name
}

// visit looks at what one statement keeps, for ast.Inspect.
func (c *keeping) visit(n ast.Node) bool {
	switch s := n.(type) {
	case *ast.AssignStmt:
		for i, left := range s.Lhs {
			if s.Tok == token.DEFINE {
				continue
			}
			if value := valueAt(s.Rhs, i, len(s.Lhs)); value != nil {
				c.keeps(s, left, value)
			} else if name := c.copyAt(s, i); name != "" {
				c.report(s, left, "a copy of "+name)
			}
		}
	case *ast.SendStmt:
		c.keeps(s, s.Chan, s.Value)
	case *ast.CallExpr:
		selector, ok := ast.Unparen(s.Fun).(*ast.SelectorExpr)
		fn := calleeFunc(c.pass.TypesInfo, s)
		if !ok || fn == nil || fn.Pkg() == nil || fn.Pkg().Path() != "sync" && fn.Pkg().Path() != "sync/atomic" {
			return true
		}
		switch fn.Name() {
		case "Store", "LoadOrStore", "Swap", "CompareAndSwap", "Put":
			for _, arg := range s.Args {
				c.keeps(s, selector.X, arg)
			}
		}
	}
	return true
}

// keeps reports a statement that puts a copy, or a function that holds one, where it stays.
func (c *keeping) keeps(n ast.Node, place, value ast.Expr) {
	if name := c.copyIn(value); name != "" {
		c.report(n, place, "a copy of "+name)
	} else if name := c.captured(value); name != "" {
		c.report(n, place, "a function that holds a copy of "+name)
	}
}

func (c *keeping) report(n ast.Node, place ast.Expr, what string) {
	object, name := c.outlives(place)
	if object == nil || c.fresh[object] {
		return
	}
	report(c.pass, analysis.Diagnostic{
		Pos: n.Pos(), End: n.End(),
		Message: what + " is kept in " + name + ", where it grows old: keep its key and read it again, or Reload it " +
			"before it is used",
	})
}

// outlives returns the variable or field in which a place lies that is still there when the call has returned, nil
// where it may not be.
func (c *keeping) outlives(place ast.Expr) (object types.Object, name string) {
	info := c.pass.TypesInfo
	for e := ast.Unparen(place); ; {
		switch x := e.(type) {
		case *ast.Ident:
			if v := identVar(info, x); v != nil && isGlobal(v) {
				return v, "the package variable " + v.Name()
			}
			return nil, ""
		case *ast.SelectorExpr:
			v, ok := info.Uses[x.Sel].(*types.Var)
			switch {
			case !ok:
				return nil, ""
			case isGlobal(v):
				return v, "the package variable " + v.Name()
			}
			owner, isLong := livesOn(info.TypeOf(x.X))
			base := root(info, x.X)
			if isLong && base != nil && !isGlobal(base) && !c.built[base] && isPointerVar(base) {
				return v.Origin(), owner + "." + v.Name()
			}
			e = ast.Unparen(x.X)
		case *ast.IndexExpr:
			e = ast.Unparen(x.X)
		case *ast.StarExpr:
			e = ast.Unparen(x.X)
		default:
			return nil, ""
		}
	}
}

func isPointerVar(v *types.Var) bool {
	_, ok := v.Type().Underlying().(*types.Pointer)
	return ok
}

// livesOn reports whether values of a type are there for longer than a call, as those are that several goroutines use,
// or that hold the program's repositories.
func livesOn(t types.Type) (name string, ok bool) {
	if p, isPointer := t.Underlying().(*types.Pointer); isPointer {
		t = p.Elem()
	}
	named, isNamed := types.Unalias(t).(*types.Named)
	if !isNamed {
		return "", false
	}
	s, isStruct := named.Underlying().(*types.Struct)
	if !isStruct || isEntity(s) {
		return "", false
	}
	for f := range s.Fields() {
		if isShared(f.Type()) {
			return named.Obj().Name(), true
		}
	}
	return "", false
}

// isShared reports whether a type is one of those that make a struct live on: a lock, a DB, a repository, or what
// embeds one.
func isShared(t types.Type) bool {
	if p, isPointer := types.Unalias(t).(*types.Pointer); isPointer {
		t = p.Elem()
	}
	named, ok := types.Unalias(t).(*types.Named)
	if !ok || named.Obj().Pkg() == nil {
		return false
	}
	switch named.Obj().Pkg().Path() {
	case "sync", "sync/atomic":
		return true
	case module + "store":
		return named.Obj().Name() == "Repository" || named.Obj().Name() == "DB"
	}
	s, ok := named.Underlying().(*types.Struct)
	if !ok {
		return false
	}
	for f := range s.Fields() {
		if f.Embedded() && f.Name() == "Repository" && isShared(f.Type()) {
			return true
		}
	}
	return false
}

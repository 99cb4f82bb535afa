package stalecheck

import (
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/tools/go/analysis"

	"github.com/stillframe/stillframe/refresh/stalecheck/internal/entity"
)

// Fields finds queries that name a field which the entity does not have, or compare it with what it cannot hold.
var Fields = &analysis.Analyzer{
	Name: "fields",
	Doc:  "fields: a query must name fields of the entity, and compare them with values that they can hold",
	Run:  fields,
}

// fields looks at each query that is handed to a call whose entity is known.
func fields(pass *analysis.Pass) (any, error) {
	if !uses(pass) {
		return nil, nil
	}
	c := &queryCheck{pass: pass, values: variablesOf(pass), said: map[saidAt]bool{}}
	tags := backendTags(pass.Pkg)
	for _, file := range pass.Files {
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || isTest(pass, call.Pos()) {
				return true
			}
			if t, key, ok := queried(pass.TypesInfo, call); ok && c.mapped(t, key, tags) {
				for _, arg := range call.Args {
					if isQuery(pass.TypesInfo.TypeOf(arg)) {
						c.query(arg, map[*types.Var]bool{})
					}
				}
			}
			return true
		})
	}
	return nil, nil
}

// queried returns the types of the entities and keys that a call of the library is about: those of its repository, or
// those of a function such as refresh.Follow.
func queried(info *types.Info, call *ast.CallExpr) (t, key types.Type, ok bool) {
	_, receiver, _, ok := callee(info, call)
	if !ok {
		return nil, nil, false
	}
	if receiver == "Repository" {
		return receiverTypes(info, call)
	}
	fun := ast.Unparen(call.Fun)
	switch x := fun.(type) {
	case *ast.IndexExpr:
		fun = x.X
	case *ast.IndexListExpr:
		fun = x.X
	}
	id, isIdent := fun.(*ast.Ident)
	if selector, isSelector := fun.(*ast.SelectorExpr); isSelector {
		id, isIdent = selector.Sel, true
	}
	if !isIdent {
		return nil, nil, false
	}
	args := info.Instances[id].TypeArgs
	if args.Len() != 2 {
		return nil, nil, false
	}
	return args.At(0), args.At(1), true
}

// receiverTypes returns the types of the entities and keys of the repository that a method is called on.
func receiverTypes(info *types.Info, call *ast.CallExpr) (t, key types.Type, ok bool) {
	selector, isSelector := ast.Unparen(call.Fun).(*ast.SelectorExpr)
	if !isSelector || info.Selections[selector] == nil {
		return nil, nil, false
	}
	fn, isFunc := info.Selections[selector].Obj().(*types.Func)
	if !isFunc || fn.Signature().Recv() == nil {
		return nil, nil, false
	}
	return typesOf(fn.Signature().Recv().Type())
}

func isQuery(t types.Type) bool {
	named, ok := types.Unalias(t).(*types.Named)
	return ok && named.Obj().Pkg() != nil && named.Obj().Pkg().Path() == module+"store" && named.Obj().Name() == "Query"
}

// saidAt is a finding: a query that a variable holds may be met many times.
type saidAt struct {
	pos  token.Pos
	text string
}

// queryCheck looks at the queries of a package, one after another.
type queryCheck struct {
	pass     *analysis.Pass
	values   map[*types.Var]*variable
	said     map[saidAt]bool
	mappings []*entity.Mapping // of the present query's entity, by each kind of tags that may count
}

// mapped finds out what the entity of the next query is. It reports false where that is not known, or NewRepository
// refuses it.
func (c *queryCheck) mapped(t, key types.Type, tags []entity.Tags) bool {
	c.mappings = nil
	for _, by := range tags {
		if m := entity.Of(t, key, by, entity.Options{}); m != nil && len(m.Problems) == 0 {
			c.mappings = append(c.mappings, m)
		}
	}
	return len(c.mappings) > 0
}

// query looks at an expression that makes a query, and at what it is made of, as far as that can be seen.
func (c *queryCheck) query(e ast.Expr, seen map[*types.Var]bool) {
	switch x := ast.Unparen(e).(type) {
	case *ast.Ident:
		v := identVar(c.pass.TypesInfo, x)
		if v == nil || seen[v] {
			return
		}
		seen[v] = true
		for _, value := range c.values[v].known() {
			c.query(value, seen)
		}
	case *ast.CallExpr:
		pkg, receiver, name, ok := callee(c.pass.TypesInfo, x)
		if !ok || pkg != "store" || receiver != "" && receiver != "Query" {
			return
		}
		if selector, ok := ast.Unparen(x.Fun).(*ast.SelectorExpr); ok && receiver == "Query" {
			c.query(selector.X, seen)
		}
		switch name {
		case "Where", "And":
			c.comparison(x)
		case "OrderBy", "OrderByDesc":
			for _, arg := range x.Args {
				c.order(arg)
			}
		case "AllOf", "AnyOf", "Not":
			for _, arg := range x.Args {
				c.query(arg, seen)
			}
		}
	}
}

// order looks at a field that a query sorts by.
func (c *queryCheck) order(arg ast.Expr) {
	c.field(arg, func(f *entity.Field) string {
		if f.Kind == entity.Unknown || f.Kind == entity.Composite || f.IsOrdered() {
			return ""
		}
		return f.Name + " cannot be sorted by: it has type " + entity.Text(f.Type)
	})
}

// field looks up the field that an argument names, and reports what is wrong with it by each kind of tags.
func (c *queryCheck) field(arg ast.Expr, problem func(*entity.Field) string) {
	name := c.pass.TypesInfo.Types[arg].Value
	if name == nil || name.Kind() != constant.String {
		return
	}
	var first string
	for _, m := range c.mappings {
		f, ok := m.Fields[constant.StringVal(name)]
		if !ok {
			continue
		}
		text := problem(f)
		if text == "" {
			return
		}
		if first == "" {
			first = text
		}
	}
	if first != "" {
		c.report(analysis.Diagnostic{Pos: arg.Pos(), End: arg.End(), Message: first})
		return
	}
	c.missing(arg, constant.StringVal(name))
}

// missing reports a name that no field has, and offers the one that was meant.
func (c *queryCheck) missing(arg ast.Expr, name string) {
	m := c.mappings[0]
	d := analysis.Diagnostic{
		Pos: arg.Pos(), End: arg.End(),
		Message: entity.Text(m.Type) + " has no stored field " + strconv.Quote(name) +
			" (it has " + strings.Join(m.Names(), ", ") + ")",
	}
	if meant := nearest(name, m); meant != "" {
		d.Message = entity.Text(m.Type) + " has no stored field " + strconv.Quote(name) +
			": is it " + strconv.Quote(meant) + "?"
		if _, isLiteral := ast.Unparen(arg).(*ast.BasicLit); isLiteral {
			d.SuggestedFixes = replace(arg, strconv.Quote(meant), "take the field's name")
		}
	}
	c.report(d)
}

func (c *queryCheck) report(d analysis.Diagnostic) {
	if at := (saidAt{d.Pos, d.Message}); !c.said[at] {
		c.said[at] = true
		report(c.pass, d)
	}
}

// nearest is the field that a wrong name means: the one that is stored by that name, else the one that is a few letters
// away. It is empty where there is none, or more than one.
func nearest(name string, m *entity.Mapping) (meant string) {
	least := 1 + min(2, len(name)/3)
	for _, other := range m.Names() {
		away := distance(strings.ToLower(name), strings.ToLower(other))
		if m.Fields[other].Path == name {
			away = 0
		}
		switch {
		case away < least:
			least, meant = away, other
		case away == least:
			meant = ""
		}
	}
	return meant
}

// distance is how many letters must be put in, taken out, replaced, or exchanged with the next one to make b of a.
func distance(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		for j := range rows[i] {
			switch {
			case i == 0 || j == 0:
				rows[i][j] = i + j
				continue
			case a[i-1] == b[j-1]:
				rows[i][j] = rows[i-1][j-1]
				continue
			}
			rows[i][j] = 1 + min(rows[i-1][j-1], rows[i-1][j], rows[i][j-1])
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], 1+rows[i-2][j-2])
			}
		}
	}
	return rows[len(a)][len(b)]
}

// variable is what is known of the queries that a variable holds.
type variable struct {
	values  []ast.Expr // that it is given, but for the following
	updates []ast.Expr // that are made of itself: q = q.And(…)
	uses    int        // but for those in updates
	isOpen  bool       // it may have other values
}

// known are the expressions that a variable holds wherever it is used: the one that it is given, and, where it is used
// but once, those by which it is added to.
func (v *variable) known() []ast.Expr {
	switch {
	case v == nil || v.isOpen || len(v.values) != 1:
		return nil
	case v.uses == 1:
		return append(slices.Clone(v.values), v.updates...)
	}
	return v.values
}

// variablesOf looks at all variables of a package that hold queries.
func variablesOf(pass *analysis.Pass) map[*types.Var]*variable {
	all := map[*types.Var]*variable{}
	of := func(e ast.Expr) *variable {
		v := identVar(pass.TypesInfo, e)
		if v == nil || v.IsField() || !isQuery(v.Type()) {
			return nil
		}
		if all[v] == nil {
			all[v] = &variable{}
		}
		return all[v]
	}
	given := func(left, value ast.Expr) {
		v := of(left)
		switch {
		case v == nil:
		case value == nil:
			v.isOpen = true
		case begins(pass.TypesInfo, value) == identVar(pass.TypesInfo, left):
			v.updates = append(v.updates, value)
			v.uses-- // the one in value
		default:
			v.values = append(v.values, value)
		}
	}
	for _, file := range pass.Files {
		ast.Inspect(file, func(n ast.Node) bool {
			switch s := n.(type) {
			case *ast.AssignStmt:
				for i, left := range s.Lhs {
					given(left, valueAt(s.Rhs, i, len(s.Lhs)))
					if v := of(left); v != nil && pass.TypesInfo.Uses[left.(*ast.Ident)] != nil {
						v.uses-- // as the left side
					}
				}
			case *ast.ValueSpec:
				for i, name := range s.Names {
					if len(s.Values) > 0 {
						given(name, valueAt(s.Values, i, len(s.Names)))
					} else if v := of(name); v != nil {
						v.values = append(v.values, &ast.CompositeLit{}) // the zero Query
					}
				}
			case *ast.UnaryExpr:
				if v := of(s.X); v != nil && s.Op == token.AND {
					v.isOpen = true
				}
			case *ast.Ident:
				if v := of(s); v != nil && pass.TypesInfo.Uses[s] != nil {
					v.uses++
				}
			}
			return true
		})
	}
	return all
}

// valueAt is what the left side i of n is given, nil where a call gives several.
func valueAt(values []ast.Expr, i, n int) ast.Expr {
	if len(values) != n {
		return nil
	}
	return values[i]
}

// begins returns the variable whose methods a chain of calls begins with, nil where it is none.
func begins(info *types.Info, e ast.Expr) *types.Var {
	for {
		call, ok := ast.Unparen(e).(*ast.CallExpr)
		if !ok {
			return identVar(info, e)
		}
		selector, ok := ast.Unparen(call.Fun).(*ast.SelectorExpr)
		if !ok {
			return nil
		}
		e = selector.X
	}
}

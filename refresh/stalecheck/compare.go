package stalecheck

import (
	"go/ast"
	"go/constant"
	"go/types"

	"golang.org/x/tools/go/analysis"

	"github.com/stillframe/stillframe/refresh/stalecheck/internal/entity"
)

// The operators, as package store numbers them.
const (
	opEq = iota + 1
	opNe
	opLt
	opLe
	opGt
	opGe
	opIn
	opPrefix
)

var opNames = [...]string{"", "Eq", "Ne", "Lt", "Le", "Gt", "Ge", "In", "Prefix"}

// comparison looks at a Where or And, by the rules of the call that is handed the query.
func (c *queryCheck) comparison(call *ast.CallExpr) {
	if len(call.Args) != 3 {
		return
	}
	op := int64(0) // not known
	if v := c.pass.TypesInfo.Types[call.Args[1]].Value; v != nil {
		op, _ = constant.Int64Val(constant.ToInt(v))
	}
	if op < opEq || op > opPrefix {
		return
	}
	c.field(call.Args[0], func(f *entity.Field) string {
		switch {
		case f.Kind == entity.Composite:
			return f.Name + " is a composite key: compare its parts, such as \"" + f.Parts[0].Name + "\""
		case f.Kind == entity.Unknown:
			return ""
		case !f.IsComparable():
			return f.Name + " cannot be compared: it has type " + entity.Text(f.Type)
		case op >= opLt && op <= opGe && !f.IsOrdered():
			return f.Name + " cannot be compared by " + opNames[op] + ": it has type " + entity.Text(f.Type)
		case op == opPrefix && (f.Kind != entity.String || f.IsValuer):
			return f.Name + " cannot be compared by Prefix: it is no string"
		}
		return ""
	})
	c.value(call.Args[0], call.Args[2], op)
}

// value reports a value that cannot be compared with the field which another argument names.
func (c *queryCheck) value(name, value ast.Expr, op int64) {
	constantName := c.pass.TypesInfo.Types[name].Value
	if constantName == nil || constantName.Kind() != constant.String {
		return
	}
	type place struct {
		at   ast.Expr
		text string
	}
	var found place
	for _, m := range c.mappings {
		f, ok := m.Fields[constant.StringVal(constantName)]
		if !ok {
			continue
		}
		if !f.IsComparable() || f.Kind == entity.Unknown {
			return
		}
		at, text := c.mismatch(f, value, op)
		if text == "" {
			return
		}
		if found.text == "" {
			found = place{at, text}
		}
	}
	if found.text != "" {
		c.report(analysis.Diagnostic{Pos: found.at.Pos(), End: found.at.End(), Message: found.text})
	}
}

// mismatch finds what a field cannot be compared with in a value, or in the elements of a list of In.
func (c *queryCheck) mismatch(f *entity.Field, value ast.Expr, op int64) (at ast.Expr, text string) {
	v := c.valueOf(value)
	switch {
	case op != opIn && v.IsNil && op != opEq && op != opNe:
		return value, f.Name + ": nil can be compared by Eq and Ne alone, not by " + opNames[op]
	case op != opIn:
		return value, f.Mismatch(v)
	}
	if v.IsNil {
		return value, f.Name + ": In needs a slice"
	}
	var element types.Type
	switch list := v.Type.Underlying().(type) {
	case *types.Slice:
		element = list.Elem()
	case *types.Array:
		element = list.Elem()
	case *types.Interface:
		return nil, ""
	default:
		return value, f.Name + ": In needs a slice"
	}
	if text := f.Mismatch(entity.Value{Type: element}); text != "" {
		return value, text
	}
	literal, ok := ast.Unparen(value).(*ast.CompositeLit)
	if !ok {
		return nil, ""
	}
	for _, e := range literal.Elts {
		if pair, ok := e.(*ast.KeyValueExpr); ok {
			e = pair.Value
		}
		if text := f.Mismatch(c.valueOf(e)); text != "" {
			return e, text
		}
	}
	return nil, ""
}

func (c *queryCheck) valueOf(e ast.Expr) entity.Value {
	tv := c.pass.TypesInfo.Types[e]
	return entity.Value{Type: tv.Type, Const: tv.Value, IsNil: tv.IsNil()}
}

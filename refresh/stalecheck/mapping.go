package stalecheck

import (
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"slices"
	"strings"

	"golang.org/x/tools/go/analysis"

	"github.com/stillframe/stillframe/refresh/stalecheck/internal/entity"
)

// Mapping finds what NewRepository would return an error for.
var Mapping = &analysis.Analyzer{
	Name: "mapping",
	Doc:  "mapping: the type of a NewRepository or MustRepository must be an entity with such a key",
	Run:  mapping,
}

// mapping looks at each NewRepository and MustRepository whose types are known.
func mapping(pass *analysis.Pass) (any, error) {
	if !uses(pass) {
		return nil, nil
	}
	tags, said := backendTags(pass.Pkg), map[entity.Problem]bool{}
	for _, file := range pass.Files {
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			pkg, receiver, name, ok := callee(pass.TypesInfo, call)
			isMapping := pkg == "store" && receiver == "" && (name == "NewRepository" || name == "MustRepository")
			if !ok || !isMapping || isTest(pass, call.Pos()) {
				return true
			}
			t, key, ok := typesOf(pass.TypesInfo.TypeOf(call))
			if !ok || len(call.Args) != 3 {
				return true
			}
			for _, problem := range problems(t, key, tags, optionsOf(pass.TypesInfo, call)) {
				if !said[problem] {
					said[problem] = true
					reportProblem(pass, call, problem)
				}
			}
			return true
		})
	}
	return nil, nil
}

// reportProblem reports a problem at the field that has it, or at the call where that is declared elsewhere.
func reportProblem(pass *analysis.Pass, call *ast.CallExpr, problem entity.Problem) {
	d := analysis.Diagnostic{Pos: call.Pos(), End: call.End(), Message: problem.Text}
	for _, file := range pass.Files {
		if file.FileStart <= problem.Pos && problem.Pos < file.FileEnd {
			d.Pos, d.End = problem.Pos, token.NoPos
		}
	}
	report(pass, d)
}

// typesOf returns the types of the entities and keys of a *store.Repository, or of what such a call returns.
func typesOf(t types.Type) (entity, key types.Type, ok bool) {
	if tuple, isTuple := t.(*types.Tuple); isTuple && tuple.Len() > 0 {
		t = tuple.At(0).Type()
	}
	if p, isPointer := types.Unalias(t).(*types.Pointer); isPointer {
		t = p.Elem()
	}
	named, isNamed := types.Unalias(t).(*types.Named)
	if !isNamed || named.TypeArgs().Len() != 2 || named.Obj().Name() != "Repository" || named.Obj().Pkg() == nil ||
		named.Obj().Pkg().Path() != module+"store" {
		return nil, nil, false
	}
	return named.TypeArgs().At(0), named.TypeArgs().At(1), true
}

// backendTags says by whose struct tags entities may be stored in a program, by the backends that one of its packages
// imports. Where it imports none they can be anybody's.
func backendTags(pkg *types.Package) (tags []entity.Tags) {
	for _, imported := range pkg.Imports() {
		switch imported.Path() {
		case module + "mysql", module + "sqlserver":
			tags = append(tags, entity.SQL)
		case module + "mongo":
			tags = append(tags, entity.BSON)
		case module + "store/memstore":
			return []entity.Tags{entity.Either, entity.SQL, entity.BSON}
		}
	}
	if len(tags) == 0 {
		return []entity.Tags{entity.Either, entity.SQL, entity.BSON}
	}
	return tags
}

// problems are those that a type has by all of these tags: what one backend may take is no finding.
func problems(t, key types.Type, tags []entity.Tags, o entity.Options) (all []entity.Problem) {
	for i, by := range tags {
		m := entity.Of(t, key, by, o)
		if m == nil {
			return nil
		}
		if i == 0 {
			all = m.Problems
			continue
		}
		all = slices.DeleteFunc(slices.Clone(all), func(p entity.Problem) bool {
			return !slices.Contains(m.Problems, p)
		})
	}
	return all
}

// optionsOf reads the arguments of a NewRepository as far as they are literals.
func optionsOf(info *types.Info, call *ast.CallExpr) (o entity.Options) {
	if v := info.Types[call.Args[1]].Value; v != nil && v.Kind() == constant.String {
		o.HasEmptyTable = constant.StringVal(v) == ""
	}
	address, ok := ast.Unparen(call.Args[2]).(*ast.UnaryExpr)
	if !ok {
		return o
	}
	literal, ok := ast.Unparen(address.X).(*ast.CompositeLit)
	if !ok {
		return o
	}
	for _, element := range literal.Elts {
		pair, ok := element.(*ast.KeyValueExpr)
		if !ok {
			continue
		}
		name, _ := pair.Key.(*ast.Ident)
		v := info.Types[pair.Value].Value
		if name == nil || v == nil || v.Kind() != constant.Bool || !constant.BoolVal(v) {
			continue
		}
		switch name.Name {
		case "Combine":
			o.Combine = true
		case "SkipUnchanged":
			o.SkipUnchanged = true
		}
	}
	return o
}

// uses reports whether a package imports this library. Others have nothing to look at.
func uses(pass *analysis.Pass) bool {
	return slices.ContainsFunc(pass.Pkg.Imports(), func(p *types.Package) bool {
		return strings.HasPrefix(p.Path()+"/", module)
	})
}

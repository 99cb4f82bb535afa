package rules

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/types"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

var errorType = types.Universe.Lookup("error").Type().Underlying().(*types.Interface)

// TestErrorsAreLookedAt wants each error that a call returns to be taken, and one that is put into another to stay
// visible to errors.Is. Who means to drop one writes "_ =". Closing is left out, since by then the work is done or has
// failed already, and so is printing, whose writers are buffers, hashes and the terminal; what is deferred has nobody
// to tell.
func TestErrorsAreLookedAt(t *testing.T) {
	dropped, hidden := map[string][]string{}, map[string][]string{}
	for _, c := range checkedPackages(t) {
		dropped[c.path], hidden[c.path] = droppedErrors(c), hiddenErrors(c)
	}
	checkFindings(t, dropped, "an error that is dropped is dropped with _ =")
	checkFindings(t, hidden, "an error in fmt.Errorf has a %%w")
}

// droppedErrors returns the calls that stand alone though they return an error.
func droppedErrors(c checked) (found []string) {
	for _, file := range c.files {
		ast.Inspect(file, func(node ast.Node) bool {
			statement, ok := node.(*ast.ExprStmt)
			if !ok {
				return true
			}
			call, ok := statement.X.(*ast.CallExpr)
			if !ok || !returnsError(c.info.TypeOf(call)) {
				return true
			}
			name := types.ExprString(call.Fun)
			if !strings.HasPrefix(name, "fmt.") && !strings.HasSuffix(name, ".Close") && !c.writesToMemory(call) {
				found = append(found, fmt.Sprintf("%s (%s)", name, c.place(call)))
			}
			return true
		})
	}
	slices.Sort(found)
	return found
}

// returnsError reports whether an error is the last of what a call returns.
func returnsError(result types.Type) bool {
	if tuple, ok := result.(*types.Tuple); ok {
		if tuple.Len() == 0 {
			return false
		}
		result = tuple.At(tuple.Len() - 1).Type()
	}
	return result != nil && types.Identical(result.Underlying(), errorType)
}

// writesToMemory reports whether a call is of a method of a strings.Builder or a bytes.Buffer, whose errors are nil.
func (c checked) writesToMemory(call *ast.CallExpr) bool {
	method, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	name := strings.TrimPrefix(types.TypeString(c.info.TypeOf(method.X), nil), "*")
	return name == "strings.Builder" || name == "bytes.Buffer"
}

// hiddenErrors returns the calls of fmt.Errorf with more errors than %w.
func hiddenErrors(c checked) (found []string) {
	for _, file := range c.files {
		ast.Inspect(file, func(node ast.Node) bool {
			call, ok := node.(*ast.CallExpr)
			if !ok || types.ExprString(call.Fun) != "fmt.Errorf" {
				return true
			}
			format := c.info.Types[call.Args[0]].Value
			if format == nil {
				return true
			}
			errs := 0
			for _, arg := range call.Args[1:] {
				if types.Identical(c.info.TypeOf(arg).Underlying(), errorType) {
					errs++
				}
			}
			if strings.Count(constant.StringVal(format), "%w") < errs {
				found = append(found, fmt.Sprintf("fmt.Errorf (%s)", c.place(call)))
			}
			return true
		})
	}
	slices.Sort(found)
	return found
}

func TestErrorsNotLookedAtAreFound(t *testing.T) {
	t.Parallel()
	c := checkTexts(t, map[string]string{"p.go": `package p
import ("fmt"; "io"; "os"; "strings")
func f(c io.Closer, w io.Writer, err error) error {
	defer os.Remove("deferred")
	c.Close()
	fmt.Fprint(w, 1)
	_ = os.Remove("meant")
	os.Remove("dropped")
	w.Write(nil)
	println(1)
	var b strings.Builder
	b.WriteString("never fails")
	if err == nil {
		return fmt.Errorf("hidden: %v %w", err, io.EOF)
	}
	return fmt.Errorf("seen: %w, %d", err, 1)
}
`}, "fmt", "io", "os", "strings")
	assert.Equal(t, []string{"os.Remove (p.go:8)", "w.Write (p.go:9)"}, droppedErrors(c))
	assert.Equal(t, []string{"fmt.Errorf (p.go:14)"}, hiddenErrors(c))
}

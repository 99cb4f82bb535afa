package stalecheck

import (
	"go/ast"
	"go/types"
	"strings"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/types/typeutil"
)

// deeds are functions and methods of other packages that do something outside: a second run does it again, and what a
// Tx takes back does not take it back. Methods go by "Type.Name". Reads of files and servers are not among them.
var deeds = map[string]string{
	"net/http":     "Post PostForm Client.Do Client.Post Client.PostForm Transport.RoundTrip RoundTripper.RoundTrip",
	"net/smtp":     "SendMail",
	"os/exec":      "Cmd.Run Cmd.Start Cmd.Output Cmd.CombinedOutput",
	"io/ioutil":    "WriteFile TempFile TempDir",
	"os":           osDeeds,
	"os.outside":   "File.Write File.WriteAt File.WriteString File.ReadFrom File.Truncate",
	"database/sql": "DB.Exec DB.ExecContext DB.Begin DB.BeginTx",
	"database/sql.outside": "Conn.ExecContext Conn.BeginTx Stmt.Exec Stmt.ExecContext Tx.Exec Tx.ExecContext " +
		"Tx.Commit Tx.Rollback",
	"github.com/jmoiron/sqlx": "DB.MustExec DB.MustExecContext DB.NamedExec DB.NamedExecContext DB.Beginx " +
		"DB.BeginTxx DB.MustBegin DB.MustBeginTx",
}

const osDeeds = "WriteFile Create CreateTemp Mkdir MkdirAll MkdirTemp Remove RemoveAll Rename Symlink Link Chmod " +
	"Chown Truncate CopyFS StartProcess Root.Create Root.Mkdir Root.Remove Root.Rename Root.WriteFile"

// looks are requests to other servers that change nothing, as far as can be seen. They hold what the function holds.
var looks = map[string]string{"net/http": "Get Head Client.Get Client.Head"}

func has(names map[string]string, pkg, name string) bool {
	for known := range strings.FieldsSeq(names[pkg]) {
		if known == name {
			return true
		}
	}
	return false
}

// calls looks at one call of the function.
func (c *impurity) calls(call *ast.CallExpr) {
	if c.isClose(call) {
		c.report(call, "closes a channel from outside, and a second run would panic")
		return
	}
	fn := calleeFunc(c.pass.TypesInfo, call)
	if fn == nil || fn.Pkg() == nil {
		return
	}
	if c.callsRepository(call) {
		return
	}
	name := methodName(fn)
	pkg := fn.Pkg().Path()
	selector, _ := ast.Unparen(call.Fun).(*ast.SelectorExpr)
	// What a package of others declares, as os.Stderr is, is nothing that this function is about.
	isOuter := selector != nil && isOutside(root(c.pass.TypesInfo, selector.X), c.fn)
	switch {
	case pkg == "time" && name == "Sleep":
		c.reportWait(call, "sleeps")
	case has(deeds, pkg, name) || has(deeds, pkg+".outside", name) && isOuter:
		c.report(call, "calls "+fn.Pkg().Name()+"."+name+", which is not part of the Tx")
	case has(looks, pkg, name) && c.name != "View":
		c.reportWait(call, "calls "+fn.Pkg().Name()+"."+name)
	}
}

// methodName is the name of a function, with the type before that of a method.
func methodName(fn *types.Func) string {
	recv := fn.Signature().Recv()
	if recv == nil {
		return fn.Name()
	}
	t := recv.Type()
	if p, ok := t.(*types.Pointer); ok {
		t = p.Elem()
	}
	if named, ok := t.(*types.Named); ok {
		return named.Obj().Name() + "." + fn.Name()
	}
	return fn.Name()
}

// isClose reports whether a call closes a channel from outside.
func (c *impurity) isClose(call *ast.CallExpr) bool {
	b, ok := typeutil.Callee(c.pass.TypesInfo, call).(*types.Builtin)
	return ok && b.Name() == "close" && len(call.Args) == 1 && isOutside(root(c.pass.TypesInfo, call.Args[0]), c.fn)
}

// callsRepository reports a call of a repository in the function of a Modify that is in no Tx: it is no part of that
// Modify, which holds its turn meanwhile. In a Tx it may be part of the Tx.
func (c *impurity) callsRepository(call *ast.CallExpr) (found bool) {
	pkg, receiver, method, ok := callee(c.pass.TypesInfo, call)
	if !ok || pkg != "store" || receiver != "Repository" && receiver != "DB" && receiver != "" {
		return false
	}
	if transacting[c.name] || c.isInner || isBound(c.pass.TypesInfo, c.call) || isBound(c.pass.TypesInfo, call) {
		return false
	}
	isDeed := repeating[method] || receiver == "Repository" && repositoryWrites[method]
	isLook := receiver == "Repository" && repositoryReads[method]
	switch selector, ok := ast.Unparen(call.Fun).(*ast.SelectorExpr); {
	case isDeed:
		c.report(call, "calls "+method+", which is not part of its write: change both in an Atomic")
	case isLook && ok && isOutside(root(c.pass.TypesInfo, selector.X), c.fn):
		c.reportWait(call, "calls "+method)
	default:
		return false
	}
	return true
}

var (
	repositoryWrites = map[string]bool{
		"Insert": true, "InsertMany": true, "Save": true, "SaveMany": true, "Delete": true, "DeleteMany": true,
		"DeleteKey": true, "DeleteWhere": true, "Touch": true,
	}
	repositoryReads = map[string]bool{
		"Get": true, "GetMany": true, "GetConfirmed": true, "First": true, "Find": true, "Page": true, "Count": true,
		"Versions": true, "Reload": true, "ReloadMany": true, "IsStale": true,
	}
)

// isBound reports whether a call is made on what In returns.
func isBound(info *types.Info, call *ast.CallExpr) bool {
	selector, ok := ast.Unparen(call.Fun).(*ast.SelectorExpr)
	if !ok {
		return false
	}
	in, ok := ast.Unparen(selector.X).(*ast.CallExpr)
	if !ok {
		return false
	}
	pkg, _, method, ok := callee(info, in)
	return ok && pkg == "store" && method == "In"
}

// reportWait reports what takes time, which those pay who want the same rows.
func (c *impurity) reportWait(n ast.Node, what string) {
	holds := "holds its turn, on which other calls of the process wait, meanwhile"
	switch {
	case c.name == "View":
		holds = "keeps the server from forgetting old rows meanwhile"
	case transacting[c.name] || c.isInner || isBound(c.pass.TypesInfo, c.call):
		holds = "holds the connection and the locks of its Tx meanwhile"
	}
	report(c.pass, analysis.Diagnostic{
		Pos: n.Pos(), End: n.End(), Message: "the function of " + c.name + " " + what + ": it " + holds,
	})
}

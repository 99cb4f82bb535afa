package tsql

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"

	"github.com/stillframe/stillframe/internal/testbed/binary"
)

// Statement is a text as it is sent.
type Statement struct {
	Text string `json:"text"`
	// Params are the types of @p1, @p2 and so on, nil where they are not known. Where they are known a text that
	// uses another variable, or leaves one out, is a misfit, and the model is asked about it too.
	Params []string `json:"params"`
	// ParserOnly keeps a statement from the model, which has neither the server's own views nor other databases.
	ParserOnly bool `json:"parser_only,omitempty"`
}

// Request is what is to be judged.
type Request struct {
	Statements []Statement `json:"statements"`
	// Schema makes what the statements name. One that the model refuses is found unresolved at Index -1, and nothing
	// else is resolved then.
	Schema []string `json:"schema"`
}

// Finding is what is wrong with the statement at Index. It is -1 where the model does not say which.
type Finding struct {
	Index   int    `json:"index"`
	Problem string `json:"problem"`
}

// Count says how many damaged statements were made, and how many of them were refused.
type Count struct {
	Made    int `json:"made"`
	Refused int `json:"refused"`
}

// Report is what was found.
type Report struct {
	// Levels has, for each compatibility level of which there is a parser, what it refuses.
	Levels map[string][]Finding `json:"levels"`
	// Misfits are the statements whose variables are not the ones that they are sent with, and those that write
	// another number of values than they name columns.
	Misfits []Finding `json:"misfits"`
	// Shapes is how many statements differ in more than names and lengths of lists.
	Shapes int `json:"shapes"`
	// Mutants counts, for each way of damaging a statement, what level 150 says to one of each shape.
	Mutants map[string]Count `json:"mutants"`
	// Survivors are some of those that it took.
	Survivors []string `json:"survivors"`
	// Resolved is how many statements the model was asked about, and Unresolved what it said.
	Resolved   int       `json:"resolved"`
	Unresolved []Finding `json:"unresolved"`
}

// Level is the compatibility level of SQL Server 2019, at which no statement may be refused.
const Level = "150"

// servers and source are the folder that is filled, and that of judge.py, below the module's root.
var servers, source = ".servers", filepath.Join("internal", "testbed", "tsql")

// ErrMissing is returned by [Find] where nothing has filled the folder.
var ErrMissing = errors.New("not in .servers (make tsql)")

// Judge runs the parser. It is safe for concurrent use.
type Judge struct {
	folder string // .servers/tsql
	recipe string // its stamp
	source string // the folder of judge.py
}

// Find returns the parser in .servers. It returns ErrMissing where it is not there, or not for this Python.
func Find(ctx context.Context) (*Judge, error) {
	root, err := binary.Root()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMissing, err)
	}
	recipe, err := Recipe(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMissing, err)
	}
	j := &Judge{folder: filepath.Join(root, servers, "tsql"), source: filepath.Join(root, source), recipe: recipe}
	stamp, err := os.ReadFile(filepath.Join(j.folder, "stamp"))
	if err != nil || string(stamp) != recipe {
		return nil, ErrMissing
	}
	return j, nil
}

// Run judges statements. Its error says that nothing was judged; what is wrong with them stands in the report. The
// same judge says the same of the same statements, so that a report is kept, and given again.
func (j *Judge) Run(ctx context.Context, r Request) (*Report, error) {
	request, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	program, err := os.ReadFile(filepath.Join(j.source, "judge.py"))
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(bytes.Join([][]byte{program, []byte(j.recipe), request}, nil))
	reports := filepath.Join(j.folder, "reports")
	path := filepath.Join(reports, fmt.Sprintf("%x.json", sum))
	var kept Report
	if text, err := os.ReadFile(path); err == nil && json.Unmarshal(text, &kept) == nil {
		return &kept, nil
	}
	report, err := run(ctx, j.source, j.folder, request)
	if err != nil {
		return nil, err
	}
	return report, keep(reports, path, report)
}

// keep writes a report. Where there are many, those of other statements go.
func keep(reports, path string, report *Report) error {
	const most = 20
	if kept, err := os.ReadDir(reports); err == nil && len(kept) >= most {
		if err := os.RemoveAll(reports); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(reports, 0o755); err != nil {
		return err
	}
	text, err := json.Marshal(report)
	if err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o644)
}

// run has two processes fill in the report, one with the parsers and one with the model.
func run(ctx context.Context, source, folder string, request []byte) (*Report, error) {
	var group sync.WaitGroup
	outputs, errs := [2][]byte{}, [2]error{}
	for i, part := range []string{"parse", "resolve"} {
		group.Go(func() { outputs[i], errs[i] = judge(ctx, source, folder, part, request) })
	}
	group.Wait()
	var report Report
	for i, output := range outputs {
		if errs[i] == nil {
			errs[i] = json.Unmarshal(output, &report)
		}
	}
	if err := errors.Join(errs[:]...); err != nil {
		return nil, fmt.Errorf("tsql: judge.py: %w", err)
	}
	return &report, nil
}

// judge runs judge.py and returns what it printed.
func judge(ctx context.Context, source, folder, part string, request []byte) ([]byte, error) {
	cmd := exec.CommandContext(ctx, python, filepath.Join(source, "judge.py"), folder, part)
	cmd.Env = append(os.Environ(),
		"PYTHONPATH="+filepath.Join(folder, "python"), "PYTHONDONTWRITEBYTECODE=1", "PYTHONUTF8=1",
		"LD_LIBRARY_PATH="+filepath.Join(folder, "lib"), "CLR_ICU_VERSION_OVERRIDE="+icuVersion)
	cmd.Stdin = bytes.NewReader(request)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%s: %w: %s", part, err, tail(stderr.String()))
	}
	return stdout.Bytes(), nil
}

// tail is the end of what a program printed.
func tail(text string) string {
	const most = 2000
	text = strings.TrimSpace(text)
	return text[max(0, len(text)-most):]
}

// Package sqltest holds what the tests of the SQL backends share: the script whose statements each
// compares with its golden file, and the tests that say the same of every server. Tests import it, and
// nobody else.
package sqltest

import (
	"context"
	sqldriver "database/sql/driver"
	"fmt"
	"io"
	"strings"
)

// Recorder is a connection that answers whatever is asked, and writes it down.
type Recorder struct {
	// Answer gives the rows for a statement.
	Answer func(text string) [][]sqldriver.Value
	// Params counts the parameters of a statement, -1 where the client does not.
	Params func(text string) int

	// Fail, where it is set, is the server's answer to a statement without parameters.
	Fail func(text string) error

	// Format prints an argument, "%v" or "%T %v" with its index.
	Format string

	texts []string
}

// Connect implements [sqldriver.Connector].
func (r *Recorder) Connect(context.Context) (sqldriver.Conn, error) { return r, nil }

// Driver implements [sqldriver.Connector].
func (r *Recorder) Driver() sqldriver.Driver { return nil }

// Close implements [sqldriver.Conn].
func (r *Recorder) Close() error { return nil }

// Begin implements [sqldriver.Conn].
func (r *Recorder) Begin() (sqldriver.Tx, error) { return nil, sqldriver.ErrSkip }

// Prepare implements [sqldriver.Conn].
func (r *Recorder) Prepare(text string) (sqldriver.Stmt, error) { return &recordedStmt{r, text}, nil }

// ExecContext implements [sqldriver.ExecerContext].
func (r *Recorder) ExecContext(_ context.Context, text string, _ []sqldriver.NamedValue) (sqldriver.Result, error) {
	r.texts = append(r.texts, text)
	if r.Fail != nil {
		if err := r.Fail(text); err != nil {
			return nil, err
		}
	}
	return sqldriver.RowsAffected(0), nil
}

type recordedStmt struct {
	recorder *Recorder
	text     string
}

func (s *recordedStmt) Close() error  { return nil }
func (s *recordedStmt) NumInput() int { return s.recorder.Params(s.text) }
func (s *recordedStmt) Exec([]sqldriver.Value) (sqldriver.Result, error) {
	return nil, sqldriver.ErrSkip
}

func (s *recordedStmt) Query([]sqldriver.Value) (sqldriver.Rows, error) {
	return nil, sqldriver.ErrSkip
}

// note records a statement with its arguments.
func (s *recordedStmt) note(a []sqldriver.NamedValue) {
	var values []string
	for _, v := range a {
		value := fmt.Sprintf(s.recorder.Format, v.Value)
		for _, filler := range []string{"\x00", "\U0010FFFF"} { // of a prefix's range: nothing that a text file holds
			if n := strings.Count(value, filler); n > 0 {
				value = strings.ReplaceAll(value, filler, "") + fmt.Sprintf(" and %d of %+q", n, filler)
			}
		}
		values = append(values, value)
	}
	text := s.text
	if len(values) > 0 {
		text += "\n-- " + strings.Join(values, " | ")
	}
	s.recorder.texts = append(s.recorder.texts, text)
}

func (s *recordedStmt) ExecContext(_ context.Context, a []sqldriver.NamedValue) (sqldriver.Result, error) {
	s.note(a)
	return written{}, nil
}

func (s *recordedStmt) QueryContext(_ context.Context, a []sqldriver.NamedValue) (sqldriver.Rows, error) {
	s.note(a)
	return &recordedRows{s.recorder.Answer(s.text)}, nil
}

type written struct{}

func (written) LastInsertId() (int64, error) { return 41, nil }
func (written) RowsAffected() (int64, error) { return 1, nil }

type recordedRows struct{ rows [][]sqldriver.Value }

func (r *recordedRows) Columns() []string {
	if len(r.rows) == 0 {
		return nil
	}
	return make([]string, len(r.rows[0]))
}
func (r *recordedRows) Close() error { return nil }

func (r *recordedRows) Next(row []sqldriver.Value) error {
	if len(r.rows) == 0 {
		return io.EOF
	}
	copy(row, r.rows[0])
	r.rows = r.rows[1:]
	return nil
}

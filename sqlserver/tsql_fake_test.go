package sqlserver

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/golang-sql/civil"
	mssql "github.com/microsoft/go-mssqldb"

	"github.com/stillframe/stillframe/internal/testbed/tsql"
)

// pretender is a server that is not there. Its connections answer whatever the backend asks, so that the
// backend goes on to its next statement, and keep every text that they are sent.
type pretender struct {
	t    *testing.T
	keep func(s tsql.Statement)

	audit, database []sqldriver.Value // the rows of the two queries of audit
	catalogue       catalogue
	row             []sqldriver.Value // what a SELECT of all columns gives
	columns         int               // how many an INSERT names
	version         string            // the quoted name
	matched         int64             // how many rows an UPDATE or DELETE finds
	parserOnly      bool              // the table is not in the schema
}

// catalogue is what the server's views say of the one table that is asked about, as rows of the queries.
type catalogue struct {
	kind                   string // sys.objects.type, empty where there is no table
	columns, indexes, step [][]sqldriver.Value
}

func (p *pretender) Connect(context.Context) (sqldriver.Conn, error) { return p, nil }
func (p *pretender) Driver() sqldriver.Driver                        { return nil }
func (p *pretender) Close() error                                    { return nil }
func (p *pretender) Begin() (sqldriver.Tx, error)                    { return nil, sqldriver.ErrSkip }

func (p *pretender) Prepare(text string) (sqldriver.Stmt, error) {
	return &pretended{pretender: p, text: text}, nil
}

// CheckNamedValue implements [sqldriver.NamedValueChecker].
func (p *pretender) CheckNamedValue(v *sqldriver.NamedValue) error {
	return (&mssql.Conn{}).CheckNamedValue(v)
}

// stampBytes is a ROWVERSION.
var stampBytes = []byte{0, 0, 0, 0, 0, 0, 7, 0xd1}

// answer gives the rows for a statement with a number of arguments.
func (p *pretender) answer(text string, args int) [][]sqldriver.Value {
	has := func(part string) bool { return strings.Contains(text, part) }
	inserted := 1
	if p.columns > 0 {
		inserted = args / p.columns
	}
	switch {
	case has(auditQuery):
		return [][]sqldriver.Value{p.audit}
	case has(databaseQuery):
		return [][]sqldriver.Value{p.database}
	case has(tableQuery) && p.catalogue.kind == "":
		return nil
	case has(tableQuery):
		return [][]sqldriver.Value{{p.catalogue.kind}}
	case has(columnQuery):
		return p.catalogue.columns
	case has(indexQuery):
		return p.catalogue.indexes
	case has(stepQuery):
		return p.catalogue.step
	case has("SELECT @n, v FROM @made"):
		return [][]sqldriver.Value{{p.matched, stampBytes}}[:p.matched]
	case has("SELECT k FROM @made"):
		return times(inserted, int64(41))
	case has("SELECT k, v FROM @made"):
		return times(inserted, int64(41), stampBytes)
	case has("SELECT v FROM @made"):
		return times(inserted, stampBytes)
	case has("SELECT @@ROWCOUNT"):
		return [][]sqldriver.Value{{p.matched}}
	case has("SELECT COUNT"):
		return [][]sqldriver.Value{{int64(1)}}
	case has("SELECT " + p.version + " FROM"):
		return [][]sqldriver.Value{{int64(3)}}
	case has("SELECT "):
		return times(8, p.row...)
	}
	return nil
}

func times(n int, row ...sqldriver.Value) [][]sqldriver.Value {
	rows := make([][]sqldriver.Value, n)
	for i := range rows {
		rows[i] = row
	}
	return rows
}

// note keeps a statement with the types in which the client declares its parameters, but for their lengths.
func (p *pretender) note(text string, args []sqldriver.NamedValue) {
	types := []string{}
	for _, a := range args {
		types = append(types, p.typeOf(a.Value))
	}
	// A procedure of the model knows nothing of the server's own views.
	p.keep(tsql.Statement{Text: text, Params: types, ParserOnly: p.parserOnly || strings.Contains(text, " sys.")})
}

// typeOf is the type in which the client declares a parameter, with the longest length that it has.
func (p *pretender) typeOf(value any) string {
	switch value.(type) {
	case int64, sql.NullInt64:
		return "BIGINT"
	case float64, sql.NullFloat64:
		return "FLOAT"
	case bool, sql.NullBool:
		return "BIT"
	case string, sql.NullString:
		return "NVARCHAR(4000)"
	case mssql.VarChar:
		return "VARCHAR(8000)"
	case []byte:
		return "VARBINARY(8000)"
	case civil.DateTime, mssql.NullDateTime:
		return "DATETIME2(7)"
	case mssql.UniqueIdentifier:
		return "UNIQUEIDENTIFIER"
	}
	p.t.Errorf("it is not said as what the client declares a parameter of type %T", value)
	return fmt.Sprintf("%T", value)
}

type pretended struct {
	*pretender
	text string
}

func (s *pretended) NumInput() int { return -1 }
func (s *pretended) Exec([]sqldriver.Value) (sqldriver.Result, error) {
	return nil, sqldriver.ErrSkip
}

func (s *pretended) Query([]sqldriver.Value) (sqldriver.Rows, error) {
	return nil, sqldriver.ErrSkip
}

func (s *pretended) ExecContext(_ context.Context, a []sqldriver.NamedValue) (sqldriver.Result, error) {
	s.note(s.text, a)
	return sqldriver.RowsAffected(1), nil
}

func (s *pretended) QueryContext(_ context.Context, a []sqldriver.NamedValue) (sqldriver.Rows, error) {
	s.note(s.text, a)
	return &pretendedRows{s.answer(s.text, len(a))}, nil
}

type pretendedRows struct{ rows [][]sqldriver.Value }

func (r *pretendedRows) Columns() []string {
	if len(r.rows) == 0 {
		return nil
	}
	return make([]string, len(r.rows[0]))
}
func (r *pretendedRows) Close() error { return nil }

func (r *pretendedRows) Next(row []sqldriver.Value) error {
	if len(r.rows) == 0 {
		return io.EOF
	}
	copy(row, r.rows[0])
	r.rows = r.rows[1:]
	return nil
}

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
	"golang.org/x/text/encoding/charmap"

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
	positional      bool              // the client is that of sql.Open("mssql", …)
	isGarbled       bool              // it takes a VARCHAR for text of another code page
	after           error             // comes behind the rows of each write
	tx              []int64           // @@TRANCOUNT and the number of the transaction
	sent            []string
}

// newPretender is a SQL Server 2022 with a database of code page 1252, in which everything is allowed.
func newPretender(t *testing.T, keep func(tsql.Statement)) *pretender {
	return &pretender{
		t: t, keep: keep, audit: auditRow(1252), database: []sqldriver.Value{int64(1), int64(1), int64(160)},
		tx: []int64{1, 4711},
	}
}

// catalogue is what the server's views say of the one table that is asked about, as rows of the queries.
type catalogue struct {
	kind                   string // sys.objects.type, empty where there is no table
	columns, indexes, step [][]sqldriver.Value
	details, indexDetails  [][]sqldriver.Value
	triggers, traits       [][]sqldriver.Value // rows of triggerQuery and kindQuery
	checks                 [][]sqldriver.Value // rows of checkQuery
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
	case has("SELECT @@TRANCOUNT"):
		return [][]sqldriver.Value{{p.tx[0], p.tx[1]}}
	case has(databaseQuery):
		return [][]sqldriver.Value{p.database}
	case has(tableQuery) && p.catalogue.kind == "":
		return nil
	case has(tableQuery):
		return [][]sqldriver.Value{{p.catalogue.kind, int64(0)}}
	case has(columnQuery):
		return p.catalogue.columns
	case has(indexQuery):
		return p.catalogue.indexes
	case has(stepQuery):
		return p.catalogue.step
	case has(detailQuery):
		return p.catalogue.details
	case has(indexDetailQuery):
		return p.catalogue.indexDetails
	case has(triggerQuery):
		return p.catalogue.triggers
	case has(checkQuery):
		return p.catalogue.checks
	case has(kindQuery):
		return p.catalogue.traits
	case has(foreignKeyQuery):
		return nil
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

// back is the text that a server takes a parameter for.
func (p *pretender) back(text mssql.VarChar) string {
	page := codepageOf(int(p.audit[5].(int64)))
	if p.isGarbled {
		page.table = charmap.CodePage437
	}
	if page.table == nil {
		return string(text)
	}
	runes := []rune{}
	for i := range len(text) {
		runes = append(runes, page.table.DecodeByte(text[i]))
	}
	return string(runes)
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
	p.sent = append(p.sent, text)
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
	case mssql.NVarCharMax:
		return "NVARCHAR(MAX)"
	case mssql.VarCharMax:
		return "VARCHAR(MAX)"
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

// NumInput is what the client counts: that of sql.Open("mssql", …) knows nothing of @p1.
func (s *pretended) NumInput() int {
	if s.positional {
		return 0
	}
	return -1
}

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
	if s.text == varcharQuery {
		return &pretendedRows{rows: [][]sqldriver.Value{{s.back(a[0].Value.(mssql.VarChar))}}}, nil
	}
	rows := &pretendedRows{rows: s.answer(s.text, len(a))}
	if strings.Contains(s.text, "@@ROWCOUNT") || strings.Contains(s.text, "@made") {
		rows.after = s.after
	}
	return rows, nil
}

type pretendedRows struct {
	rows  [][]sqldriver.Value
	after error
}

func (r *pretendedRows) Columns() []string {
	if len(r.rows) == 0 { // as many as any statement asks for
		return make([]string, 256)
	}
	return make([]string, len(r.rows[0]))
}
func (r *pretendedRows) Close() error { return nil }

func (r *pretendedRows) Next(row []sqldriver.Value) error {
	switch {
	case len(r.rows) == 0 && r.after != nil:
		return r.after
	case len(r.rows) == 0:
		return io.EOF
	}
	copy(row, r.rows[0])
	r.rows = r.rows[1:]
	return nil
}

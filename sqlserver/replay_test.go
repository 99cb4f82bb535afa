package sqlserver

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	mssql "github.com/microsoft/go-mssqldb"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/internal/testbed"
)

// recording is what a client and an engine have said to each other, at the level of database/sql's
// driver. It shows that statements and decoding did not change, not that SQL Server accepts them.
type recording struct {
	Engine    string
	Exchanges []*exchange
}

// exchange is one statement and its answer.
type exchange struct {
	Send    string
	Amended bool     `json:",omitempty"` // by hand, since the server was last asked
	Args    []string `json:",omitempty"`
	Columns []string `json:",omitempty"`
	Rows    [][]cell `json:",omitempty"`
	Error   *refused `json:",omitempty"`
}

// refused is an error of the server.
type refused struct {
	Number  int32
	State   uint8
	Class   uint8
	Message string
	All     []refused `json:",omitempty"`
}

func refusedBy(e mssql.Error) refused {
	r := refused{Number: e.Number, State: e.State, Class: e.Class, Message: e.Message}
	for _, one := range e.All {
		r.All = append(r.All, refusedBy(one))
	}
	return r
}

func (r refused) error() mssql.Error {
	e := mssql.Error{Number: r.Number, State: r.State, Class: r.Class, Message: r.Message}
	for _, one := range r.All {
		e.All = append(e.All, one.error())
	}
	return e
}

// cell is one value. At most one field is set; NULL has none.
type cell struct {
	Int   *int64     `json:",omitempty"`
	Float *float64   `json:",omitempty"`
	Bool  *bool      `json:",omitempty"`
	Text  *string    `json:",omitempty"`
	Bytes *[]byte    `json:",omitempty"`
	Time  *time.Time `json:",omitempty"`
}

// cellOf is a value as the tape stores it: JSON alone would make a float64 of an int64 and a string of a time.
func cellOf(value sqldriver.Value) (c cell) {
	switch v := value.(type) {
	case nil:
	case int64:
		c.Int = &v
	case float64:
		c.Float = &v
	case bool:
		c.Bool = &v
	case string:
		c.Text = &v
	case []byte:
		v = append([]byte{}, v...)
		c.Bytes = &v
	case time.Time:
		c.Time = &v
	default:
		panic(fmt.Sprintf("a value of type %T", value))
	}
	return c
}

// value is what the client would give for a cell.
func (c cell) value() sqldriver.Value {
	switch {
	case c.Int != nil:
		return *c.Int
	case c.Float != nil:
		return *c.Float
	case c.Bool != nil:
		return *c.Bool
	case c.Text != nil:
		return *c.Text
	case c.Bytes != nil:
		return *c.Bytes
	case c.Time != nil:
		return *c.Time
	}
	return nil
}

// tape is the connector of a pool of one connection. With a real connector behind it, it records;
// without, it replays, and every statement must be the one that was recorded.
type tape struct {
	t    *testing.T
	real sqldriver.Connector
	recording
	at int
}

func (p *tape) Connect(ctx context.Context) (sqldriver.Conn, error) {
	if p.real == nil {
		return &taped{tape: p}, nil
	}
	conn, err := p.real.Connect(ctx)
	return &taped{tape: p, real: conn}, err
}

func (p *tape) Driver() sqldriver.Driver { return nil }

// exchange is the next one.
func (p *tape) exchange(text string, a []sqldriver.NamedValue) (*exchange, error) {
	e := &exchange{Send: text}
	for _, v := range a {
		e.Args = append(e.Args, fmt.Sprintf("%T(%#v)", v.Value, v.Value))
	}
	if p.real != nil {
		p.Exchanges = append(p.Exchanges, e)
		return e, nil
	}
	if p.at == len(p.Exchanges) {
		p.t.Errorf("the recording has ended, and this is sent: %s", text)
		return nil, io.ErrUnexpectedEOF
	}
	recorded := p.Exchanges[p.at]
	p.at++
	if recorded.Send != text || fmt.Sprint(recorded.Args) != fmt.Sprint(e.Args) {
		p.t.Errorf(
			"exchange %d was recorded as\n%s\n%v\nand is now\n%s\n%v", p.at, recorded.Send, recorded.Args, text,
			e.Args,
		)
		return nil, io.ErrUnexpectedEOF
	}
	return recorded, nil
}

// taped is a connection of a tape.
type taped struct {
	*tape
	real sqldriver.Conn
}

func (c *taped) Begin() (sqldriver.Tx, error) { return nil, errors.New("nobody begins so") }

func (c *taped) Close() error {
	if c.real != nil {
		return c.real.Close()
	}
	return nil
}

// CheckNamedValue implements [sqldriver.NamedValueChecker].
func (c *taped) CheckNamedValue(v *sqldriver.NamedValue) error {
	return (&mssql.Conn{}).CheckNamedValue(v)
}

func (c *taped) Prepare(text string) (sqldriver.Stmt, error) {
	s := &tapedStmt{conn: c, text: text}
	if c.real != nil {
		var err error
		if s.real, err = c.real.Prepare(text); err != nil {
			return nil, err
		}
	}
	return s, nil
}

type tapedStmt struct {
	conn *taped
	text string
	real sqldriver.Stmt
}

func (s *tapedStmt) Close() error  { return nil }
func (s *tapedStmt) NumInput() int { return -1 }
func (s *tapedStmt) Exec([]sqldriver.Value) (sqldriver.Result, error) {
	return nil, sqldriver.ErrSkip
}

func (s *tapedStmt) Query([]sqldriver.Value) (sqldriver.Rows, error) {
	return nil, sqldriver.ErrSkip
}

func (s *tapedStmt) ExecContext(ctx context.Context, a []sqldriver.NamedValue) (sqldriver.Result, error) {
	e, err := s.conn.exchange(s.text, a)
	if err != nil {
		return nil, err
	}
	if s.real != nil {
		_, err := s.real.(sqldriver.StmtExecContext).ExecContext(ctx, a)
		e.failed(err)
	}
	if e.Error != nil {
		return nil, e.Error.error()
	}
	return sqldriver.RowsAffected(0), nil
}

func (s *tapedStmt) QueryContext(ctx context.Context, a []sqldriver.NamedValue) (sqldriver.Rows, error) {
	e, err := s.conn.exchange(s.text, a)
	if err != nil {
		return nil, err
	}
	if s.real != nil {
		rows, err := s.real.(sqldriver.StmtQueryContext).QueryContext(ctx, a)
		if err == nil {
			err = e.read(rows)
		}
		e.failed(err)
	}
	if e.Error != nil && len(e.Rows) == 0 {
		return nil, e.Error.error()
	}
	return &tapedRows{exchange: e}, nil
}

func (e *exchange) failed(err error) {
	if own, ok := errors.AsType[mssql.Error](err); ok {
		r := refusedBy(own)
		e.Error = &r
	} else if err != nil {
		panic(err)
	}
}

// read takes all rows over.
func (e *exchange) read(rows sqldriver.Rows) error {
	e.Columns = rows.Columns()
	row := make([]sqldriver.Value, len(e.Columns))
	for {
		err := rows.Next(row)
		if err == io.EOF {
			return rows.Close()
		}
		if err != nil {
			_ = rows.Close()
			return err
		}
		var cells []cell
		for _, v := range row {
			cells = append(cells, cellOf(v))
		}
		e.Rows = append(e.Rows, cells)
	}
}

type tapedRows struct {
	*exchange
	at int
}

func (r *tapedRows) Columns() []string { return r.exchange.Columns }
func (r *tapedRows) Close() error      { return nil }

func (r *tapedRows) Next(row []sqldriver.Value) error {
	if r.at == len(r.Rows) {
		if r.Error != nil {
			return r.Error.error()
		}
		return io.EOF
	}
	for i, c := range r.Rows[r.at] {
		row[i] = c.value()
	}
	r.at++
	return nil
}

// mostExchanges keeps the recording small enough to be read.
const mostExchanges = 42

// withTape gives a walk a pool over the recording, or over the live server where it is recorded.
func withTape(t *testing.T, record bool, walk func(t *testing.T, pool *sql.DB)) {
	t.Helper()
	path := filepath.Join("testdata", "walk.json")
	p := &tape{t: t}
	if record {
		s := testbed.SQLServer(t)
		connector, err := mssql.NewConnector(s.Database(t))
		require.NoError(t, err)
		p.real, p.Engine = connector, s.Product()+" "+s.Version()
	} else {
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(data, &p.recording))
		t.Attr("server", p.Engine)
		amended := 0
		for _, e := range p.Exchanges {
			if e.Amended {
				amended++
			}
		}
		t.Logf("replaying a recording of %s: that statements and decoding did not change is all that it shows, and of "+
			"%d exchanges %d were amended by hand since", p.Engine, len(p.Exchanges), amended)
	}
	pool := sql.OpenDB(p)
	pool.SetMaxOpenConns(1)
	defer pool.Close()
	walk(t, pool)
	require.LessOrEqual(t, len(p.Exchanges), mostExchanges)
	if !record {
		require.Len(t, p.Exchanges, p.at, "the rest of the recording was not asked for")
		return
	}
	data, err := json.MarshalIndent(p.recording, "", " ")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, append(data, '\n'), 0o644))
}

package sqlserver

import (
	"database/sql"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/golang-sql/civil"
	mssql "github.com/microsoft/go-mssqldb"

	"github.com/stillframe/stillframe/internal/sqldb"
	"github.com/stillframe/stillframe/store/driver"
)

// dialect is that of T-SQL.
type dialect struct {
	server server
	page   codepage      // of the database
	wait   time.Duration // Options.LockTimeout
}

var _ sqldb.Dialect = (*dialect)(nil)

// Facts implements [sqldb.Dialect].
func (d *dialect) Facts() sqldb.Facts {
	return sqldb.Facts{
		Order:           order{d},
		AnswersWhenDone: true,
		NameParts:       3, // database, schema and table; a table of a linked server cannot be made, nor locked
		Limits: sqldb.Limits{
			Params: 2098, // 2100, of which two are the statement's own
			Rows:   1000,
			Bytes:  4 << 20,
			Value:  math.MaxInt32/2 - 1024, // 2 GB, of two bytes for each that is counted
		},
		Texts: sqldb.Texts{
			LockHint:     " WITH (UPDLOCK, ROWLOCK)",
			PageStart:    " OFFSET 0 ROWS FETCH NEXT ",
			PageEnd:      " ROWS ONLY",
			LikeSpecials: "%_[",
			Count:        "COUNT_BIG(*)", // COUNT is an INT
			Alone:        d.settings("READ COMMITTED"),
			BeginTx:      []string{d.settings("READ COMMITTED") + "BEGIN TRANSACTION"},
			// The moment of a View is that of its first read.
			BeginView: []string{d.settings("SNAPSHOT") + "BEGIN TRANSACTION"},
			Commit:    "COMMIT TRANSACTION",
			// An error has rolled back already (XACT_ABORT). The level of a View would stay with the connection.
			Rollback: "IF @@TRANCOUNT > 0 ROLLBACK TRANSACTION; SET TRANSACTION ISOLATION LEVEL READ COMMITTED",
			TxState:  d.txState(),
		},
	}
}

// txState tells one transaction from another by its number as well, since COMMIT and BEGIN leave @@TRANCOUNT as it was.
// Babelfish has no such function.
func (d *dialect) txState() string {
	if d.server.babelfish != "" {
		return "SELECT @@TRANCOUNT, 0"
	}
	return "SELECT @@TRANCOUNT, CURRENT_TRANSACTION_ID()"
}

// Quote implements [sqldb.Dialect].
func (d *dialect) Quote(name string) string {
	return "[" + strings.ReplaceAll(name, "]", "]]") + "]"
}

// longestName is the most UTF-16 units of an identifier.
const longestName = 128

// CheckName implements [sqldb.Dialect].
func (d *dialect) CheckName(name string) string {
	if len(utf16.Encode([]rune(name))) > longestName {
		return fmt.Sprintf("has a name of more than %d characters", longestName)
	}
	return ""
}

// Param implements [sqldb.Dialect]. The client has no parameter of type decimal.
func (d *dialect) Param(n int, f *driver.Field) string {
	p := "@p" + strconv.Itoa(n)
	if f != nil && f.Kind == driver.Decimal {
		return fmt.Sprintf("CAST(%s AS DECIMAL(%d, %d))", p, f.Precision, f.Scale)
	}
	return p
}

// Compared implements [sqldb.Dialect]. A text goes as MAX (see Arg), with which no index is searched as it could be: it
// is compared in the longest type below that. A longer text stays whole. One that is cut because the text of the
// statement is made for every key finds no row but its own, since Exact compares the whole of it.
func (d *dialect) Compared(n int, f *driver.Field, value any) string {
	param := d.Param(n, f)
	if f == nil || f.Kind != driver.String {
		return param
	}
	text, _ := value.(string)
	switch {
	case f.Varchar && len(text) <= mostBytes:
		return fmt.Sprintf("CAST(%s AS VARCHAR(%d))", param, mostBytes)
	case !f.Varchar && len(text) <= mostUnits: // there are no more units than bytes
		return fmt.Sprintf("CAST(%s AS NVARCHAR(%d))", param, mostUnits)
	}
	return param
}

// Arg implements [sqldb.Dialect]. Each value has the type of its column, NULL too: a comparison of
// a varchar column with an nvarchar parameter does not use the index, a time.Time would go as
// datetimeoffset, and an untyped NULL as nvarchar. Text for a field goes as MAX: the client would declare it with the
// length that it has, and the server makes and keeps another plan for each combination of lengths.
func (d *dialect) Arg(f *driver.Field, value any) (any, error) {
	switch v := value.(type) {
	case nil:
		return null(f), nil
	case time.Time:
		return civil.DateTimeOf(v.UTC()), nil
	case []byte:
		if f != nil && f.Kind == driver.UUID && len(v) == 16 {
			return mssql.UniqueIdentifier(v), nil
		}
	case string:
		switch {
		case f == nil:
			return v, nil
		case d.server.babelfish != "" && strings.ContainsRune(v, 0):
			problem := "has a zero character, which Babelfish cannot store"
			return nil, &driver.ValueError{Field: f.Name, Problem: problem}
		case !f.Varchar:
			return mssql.NVarCharMax(v), nil
		}
		text, ok := d.page.encode(v)
		if !ok {
			problem := "has a character that the code page %d of its varchar column does not have"
			if d.page.isASCII() {
				problem = "has a character beyond ASCII, and in a varchar column of a database of code page %d " +
					"no other is known to arrive: take varchar from the field and make its column NVARCHAR"
			}
			return nil, &driver.ValueError{Field: f.Name, Problem: fmt.Sprintf(problem, d.page.number)}
		}
		return mssql.VarCharMax(text), nil
	}
	return value, nil
}

// null is NULL of the type of a field, for Arg. That of a uniqueidentifier is text, which the server converts:
// the client sends 16 bytes too many behind its own (go-mssqldb 1.11, writeGuidType).
func null(f *driver.Field) any {
	if f == nil {
		return nil
	}
	switch f.Kind {
	case driver.Bool:
		return sql.NullBool{}
	case driver.Int, driver.Uint:
		return sql.NullInt64{}
	case driver.Float:
		return sql.NullFloat64{}
	case driver.Bytes, driver.ByteArray:
		return []byte(nil)
	case driver.Time:
		return mssql.NullDateTime{}
	}
	return sql.NullString{}
}

// Decoder implements [sqldb.Dialect].
func (d *dialect) Decoder(f *driver.Field) func(any) any {
	if f.Kind == driver.UUID {
		return uuidOf
	}
	return nil
}

// uuidOf brings the bytes of a uniqueidentifier, whose first three numbers are stored little-endian,
// into the order in which they are written.
func uuidOf(value any) any {
	var u mssql.UniqueIdentifier
	if b, ok := value.([]byte); !ok || u.Scan(b) != nil {
		return value
	}
	return u[:]
}

// binaryCollation compares by UTF-16 unit.
const binaryCollation = "Latin1_General_100_BIN2"

// Exact implements [sqldb.Dialect]. The column's own comparison finds the rows by its index, whatever its
// collation takes for equal; this condition, which no index serves, then looks at those alone. The bar keeps
// trailing spaces from being ignored.
func (d *dialect) Exact(f *driver.Field, column, param string) string {
	if f.Kind != driver.String {
		return ""
	}
	return "(" + column + " + N'|') COLLATE " + binaryCollation + " = " + param + " + N'|'"
}

// Equal implements [sqldb.Dialect]. Trailing zeros do not count when = compares bytes. Where all
// values have one length that does no harm, but Babelfish has no IN for them.
func (d *dialect) Equal(f *driver.Field, column, param string) string {
	switch f.Kind {
	case driver.Bytes:
		return column + " = " + param + " AND DATALENGTH(" + column + ") = DATALENGTH(" + param + ")"
	case driver.ByteArray:
		return column + " = " + param
	}
	return ""
}

// Insert implements [sqldb.Dialect]. OUTPUT without INTO fails on a table with triggers. Only an
// INSERT of a sorted SELECT makes its keys in the order of the rows, and nothing gives them back in
// that order but sorting them (Transact-SQL reference, "INSERT", "OUTPUT clause"). The row at the end comes when the
// statement is done: a trigger's RAISERROR, which neither ends the batch nor undoes anything, is an error beside it,
// and after THROW, ROLLBACK or any error under XACT_ABORT there is none ("RAISERROR", "SET XACT_ABORT").
func (d *dialect) Insert(p sqldb.InsertParts) (text string, hasRows bool) {
	values := " VALUES (" + strings.Join(p.Values, "), (") + ")"
	p.Table += " (" + p.Columns + ")"
	if p.Key == "" && p.Version == "" {
		return "INSERT INTO " + p.Table + values + "; SELECT @@ROWCOUNT", true
	}
	var types, columns, made []string
	if p.Key != "" {
		types, columns, made = append(types, "k BIGINT"), append(columns, "k"), append(made, "inserted."+p.Key)
	}
	if p.Version != "" {
		types, columns, made = append(types, "v BINARY(8)"), append(columns, "v"), append(made, "inserted."+p.Version)
	}
	order := ""
	if len(p.Values) > 1 { // sqldb gives several rows only where the key is made
		order = " ORDER BY k"
		width := strings.Count(p.Columns, ", ") + 1
		values = " SELECT " + numbered("c", width) + " FROM (VALUES (0, " + p.Values[0] + ")"
		var b strings.Builder
		for i, row := range p.Values[1:] {
			b.WriteString(", (" + strconv.Itoa(i+1) + ", " + row + ")")
		}
		values += b.String() + ") AS r (n, " + numbered("c", width) + ") ORDER BY n"
	}
	return "DECLARE @made TABLE (" + strings.Join(types, ", ") + "); INSERT INTO " + p.Table +
		" OUTPUT " + strings.Join(made, ", ") + " INTO @made (" + strings.Join(columns, ", ") + ")" + values +
		"; SELECT " + strings.Join(columns, ", ") + " FROM @made" + order, true
}

// numbered is "c1, c2, …".
func numbered(prefix string, n int) string {
	names := make([]string, n)
	for i := range names {
		names[i] = prefix + strconv.Itoa(i+1)
	}
	return strings.Join(names, ", ")
}

// Write implements [sqldb.Dialect]. The client adds up the counts of triggers, and NOCOUNT takes
// all counts away, so that the batch itself asks for its own.
func (d *dialect) Write(head, where, version string) (final string, hasRows bool) {
	if version == "" {
		return head + where + "; SELECT @@ROWCOUNT", true
	}
	return "DECLARE @made TABLE (v BINARY(8)); DECLARE @n INT; " + head +
		" OUTPUT inserted." + version + " INTO @made (v)" + where +
		"; SET @n = @@ROWCOUNT; SELECT @n, v FROM @made", true
}

// settings are what a pooled connection has lost, all but the isolation level of its last transaction.
// Those that a statement with parameters makes end with it.
func (d *dialect) settings(level string) string {
	milliseconds := (d.wait + time.Millisecond - 1) / time.Millisecond
	return fmt.Sprintf("SET XACT_ABORT ON; SET LOCK_TIMEOUT %d; SET TRANSACTION ISOLATION LEVEL %s; ",
		milliseconds, level)
}

// Classify implements [sqldb.Dialect].
func (d *dialect) Classify(err error) (driver.Fault, bool) { return classify(err) }

// EndsTx implements [sqldb.Dialect]. Under XACT_ABORT every error of the server ends the transaction,
// and what follows would be kept.
func (d *dialect) EndsTx(err error, _ driver.Fault) bool { return len(serverErrors(err)) > 0 }

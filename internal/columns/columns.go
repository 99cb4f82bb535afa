// Package columns holds the table of docs/TYPES.md to the code: which Go type becomes which column. Each backend's
// tests compare, and write, the column that is theirs. Tests import it, and nobody else.
package columns

import (
	"database/sql"
	sqldriver "database/sql/driver"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stillframe/stillframe/store"
)

// Sample has one field for each row of the table. What the tag row says stands in it, with ' for `, else the
// type; the store tag follows.
type Sample struct {
	store.Snapshot `bson:",inline" row:"-"`

	ID      int64     `db:"id" bson:"_id" store:"key"`
	Bool    bool      `db:"bool" bson:"bool"`
	Int     int       `db:"int" bson:"int" row:"'int', 'int8' … 'int64', 'uint', 'uint8' … 'uint64'"`
	Float   float64   `db:"float" bson:"float" row:"'float32', 'float64'"`
	String  string    `db:"string" bson:"string"`
	Sized   string    `db:"sized" bson:"sized" store:"size=60"`
	Unique  string    `db:"unique" bson:"unique" store:"unique"`
	Text    string    `db:"text" bson:"text" store:"text"`
	Varchar string    `db:"varchar" bson:"varchar" store:"size=60,varchar"`
	Decimal string    `db:"decimal" bson:"decimal" store:"decimal=19.4"`
	Bytes   []byte    `db:"bytes" bson:"bytes"`
	Small   []byte    `db:"small" bson:"small" store:"size=100"`
	UUID    [16]byte  `db:"uuid" bson:"uuid" row:"any '[16]byte', such as 'uuid.UUID'"`
	Hash    [32]byte  `db:"hash" bson:"hash" row:"any other '[N]byte', here of 32"`
	Time    time.Time `db:"time" bson:"time"`

	Pointer *int64         `db:"pointer" bson:"pointer" row:"'*int64', and so for each type here"`
	Null    sql.Null[bool] `db:"null" bson:"null" row:"'sql.Null[bool]', and so for each type here"`
	Old     sql.NullString `db:"old" bson:"old" store:"size=60"`

	Valuer Word `db:"valuer" bson:"valuer" store:"size=60" row:"a type with Value and Scan"`
	Money  Word `db:"money" bson:"money" store:"decimal=19.4" row:"a type with Value and Scan"`

	Struct Ground           `db:"struct" bson:"struct" row:"a struct"`
	JSON   Ground           `db:"json" bson:"json" store:"json" row:"a struct"`
	Long   Ground           `db:"long_json" bson:"long_json" store:"json,text" row:"a struct"`
	Slice  []string         `db:"slice" bson:"slice"`
	Map    map[string]int64 `db:"map" bson:"map"`
	Array  [3]int64         `db:"array" bson:"array"`

	Address `bson:",inline" row:"a string, tagged 'size=60', in an embedded struct"`
}

// Ground is a nested value, in which store tags have no meaning.
type Ground struct {
	Town string `db:"town" bson:"town"`
}

// Address is embedded: its fields are columns.
type Address struct {
	Town string `db:"town" bson:"town" store:"size=60"`
}

// Word is a type that stores itself.
type Word struct{ text string }

// NewWord returns a Word with a text.
func NewWord(text string) Word { return Word{text} }

// Value implements [sqldriver.Valuer].
func (w Word) Value() (sqldriver.Value, error) { return w.text, nil }

// Scan implements [sql.Scanner].
func (w *Word) Scan(src any) error {
	switch x := src.(type) {
	case string:
		w.text = x
	case []byte:
		w.text = string(x)
	default:
		return fmt.Errorf("a Word is no %T", src)
	}
	return nil
}

// row is one row of the table.
type row struct {
	label string
	field string // the stored name
}

// rows are the rows of the table, in the order of Sample's fields.
func rows() []row {
	var all []row
	for f := range fields(reflect.TypeFor[Sample]()) {
		label := f.Tag.Get("row")
		if label == "-" {
			continue
		}
		name := f.Tag.Get("db")
		if f.Anonymous {
			name = f.Type.Field(0).Tag.Get("db")
		}
		if label == "" {
			label = "'" + strings.ReplaceAll(f.Type.String(), "uint8", "byte") + "'"
		}
		if tag := f.Tag.Get("store"); tag != "" {
			label += ", tagged '" + tag + "'"
		}
		all = append(all, row{strings.ReplaceAll(label, "'", "`"), name}) // a tag cannot hold a backquote
	}
	return all
}

func fields(t reflect.Type) func(yield func(reflect.StructField) bool) {
	return func(yield func(reflect.StructField) bool) {
		for i := range t.NumField() {
			if !yield(t.Field(i)) {
				return
			}
		}
	}
}

const (
	page      = "docs/TYPES.md"
	startMark = "<!-- columns: made by go test ./mysql ./sqlserver ./mongo -run TestDocumentedColumns -update -p 1 -->"
	endMark   = "<!-- columns: end -->"
)

// titles are those of the columns.
var titles = []string{"Go type", "MySQL, MariaDB", "SQL Server", "MongoDB"}

// Check compares one column of the table, by its title, with what a backend makes of the fields of Sample, by their
// stored names. With update it writes it.
func Check(t testing.TB, title string, made map[string]string, update bool) {
	t.Helper()
	path := filepath.Join("..", filepath.FromSlash(page))
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	changed, err := replace(string(text), title, made)
	switch {
	case err != nil:
		t.Fatal(err)
	case changed == string(text):
	case update:
		if err := os.WriteFile(path, []byte(changed), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("%s: the column %s is not what the code makes: run this test with -update", page, title)
	}
}

// replace returns the page with one column written anew.
func replace(text, title string, made map[string]string) (string, error) {
	before, rest, ok := strings.Cut(text, startMark+"\n")
	table, after, end := strings.Cut(rest, endMark)
	if !ok || !end {
		return "", fmt.Errorf("%s has no marks for the table", page)
	}
	have := map[string][]string{}
	for line := range strings.SplitSeq(table, "\n") {
		cells := strings.Split(strings.Trim(line, "| "), " | ")
		have[cells[0]] = cells
	}
	var b strings.Builder
	b.WriteString("\n| " + strings.Join(titles, " | ") + " |\n|" + strings.Repeat(" --- |", len(titles)) + "\n")
	for _, r := range rows() {
		cells := []string{r.label, "?", "?", "?"}
		if old := have[r.label]; len(old) == len(cells) {
			copy(cells, old)
		}
		for i := range cells {
			if titles[i] != title {
				continue
			}
			cells[i] = made[r.field]
			if cells[i] == "" {
				return "", fmt.Errorf("nothing was made of %s", r.field)
			}
		}
		b.WriteString("| " + strings.Join(cells, " | ") + " |\n")
	}
	return before + startMark + "\n" + b.String() + "\n" + endMark + after, nil
}

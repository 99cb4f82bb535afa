package sqlserver

import (
	"context"
	"database/sql"
	"unicode/utf8"

	mssql "github.com/microsoft/go-mssqldb"
	"golang.org/x/text/encoding/charmap"
)

// codepage is that of a database: how its varchar columns store text.
type codepage struct {
	number    int
	collation string           // the binary one whose columns have the same code page
	table     *charmap.Charmap // nil where there is none, as of UTF-8 and of pages with more bytes for a character
	isGarbled bool             // characters beyond ASCII do not come back as they were sent
}

const utf8Page = 65001

// codepages are those with one byte for each character. A database with another one stores ASCII.
var codepages = map[int]codepage{
	874:      {collation: "Thai_100_BIN2", table: charmap.Windows874},
	1250:     {collation: "Polish_100_BIN2", table: charmap.Windows1250},
	1251:     {collation: "Cyrillic_General_100_BIN2", table: charmap.Windows1251},
	1252:     {collation: binaryCollation, table: charmap.Windows1252},
	1253:     {collation: "Greek_100_BIN2", table: charmap.Windows1253},
	1254:     {collation: "Turkish_100_BIN2", table: charmap.Windows1254},
	1255:     {collation: "Hebrew_100_BIN2", table: charmap.Windows1255},
	1256:     {collation: "Arabic_100_BIN2", table: charmap.Windows1256},
	1257:     {collation: "Latvian_100_BIN2", table: charmap.Windows1257},
	1258:     {collation: "Vietnamese_100_BIN2", table: charmap.Windows1258},
	utf8Page: {collation: "Latin1_General_100_BIN2_UTF8"},
}

func codepageOf(number int) codepage {
	page, ok := codepages[number]
	if !ok {
		page.collation = binaryCollation
	}
	page.number = number
	return page
}

// isASCII reports whether only ASCII is known to arrive, which is the same in every code page.
func (p codepage) isASCII() bool { return p.isGarbled || p.table == nil && p.number != utf8Page }

// mostSamples is how many characters the probe sends.
const mostSamples = 4

// samples are some characters beyond ASCII that the page has, and that other pages have elsewhere: they tell whether
// the server takes a parameter for text of this page. They are empty where only ASCII is stored anyway.
func (p codepage) samples() string {
	switch {
	case p.isASCII():
		return ""
	case p.table == nil:
		return "é€ł😀"
	}
	other := charmap.Windows1252
	if p.table == other {
		other = charmap.Windows1254
	}
	samples, n := "", 0
	for b := 0xFF; b > 0xA0 && n < mostSamples; b-- {
		r := p.table.DecodeByte(byte(b))
		if _, ok := p.encode(string(r)); ok && r != other.DecodeByte(byte(b)) {
			samples += string(r)
			n++
		}
	}
	return samples
}

// varcharQuery has a parameter of VARCHAR come back as NVARCHAR.
const varcharQuery = `SELECT CONVERT(NVARCHAR(20), @p1)`

// probe returns the page as the server uses it. The client sends a VARCHAR without a collation, and what the server
// takes it for is nowhere written: so newDB sends some characters there and back. Where they come back as others,
// only ASCII is stored from then on.
func (p codepage) probe(ctx context.Context, db *sql.DB) (codepage, error) {
	want := p.samples()
	if want == "" {
		return p, nil
	}
	stored, _ := p.encode(want)
	var got sql.NullString
	err := db.QueryRowContext(ctx, varcharQuery, mssql.VarChar(stored)).Scan(&got)
	if err != nil && !isStatementError(err) {
		return p, err
	}
	p.isGarbled = err != nil || got.String != want
	return p, nil
}

// encode returns text as it is stored. It reports false when a character cannot be: the server
// would put another in its place without an error. Control characters above ASCII are not, since
// clients and servers disagree about them.
func (p codepage) encode(text string) (string, bool) {
	ascii := true
	for i := 0; i < len(text); i++ {
		ascii = ascii && text[i] < utf8.RuneSelf
	}
	switch {
	case ascii:
		return text, true
	case p.isASCII():
		return "", false
	case p.table == nil:
		return text, true
	}
	stored := make([]byte, 0, len(text))
	for _, r := range text {
		b, ok := p.table.EncodeRune(r)
		if !ok || r >= 0x80 && r < 0xA0 {
			return "", false
		}
		stored = append(stored, b)
	}
	return string(stored), true
}

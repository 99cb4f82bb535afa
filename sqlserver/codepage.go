package sqlserver

import (
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

// codepage is that of a database: how its varchar columns store text.
type codepage struct {
	number    int
	collation string           // the binary one whose columns have the same code page
	table     *charmap.Charmap // nil where only ASCII is known to arrive
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

// encode returns text as it is stored. It reports false when a character cannot be: the server
// would put another in its place without an error. Control characters above ASCII are not, since
// clients and servers disagree about them.
func (p codepage) encode(text string) (string, bool) {
	ascii := true
	for i := 0; i < len(text); i++ {
		ascii = ascii && text[i] < utf8.RuneSelf
	}
	switch {
	case ascii || p.number == utf8Page:
		return text, true
	case p.table == nil:
		return "", false
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

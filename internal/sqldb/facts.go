package sqldb

import (
	"strings"
	"unicode/utf8"
)

// Facts are what never changes about one SQL server, as [New] and [Connector] ask its [Dialect] once.
type Facts struct {
	Limits Limits
	Texts  Texts
	// Order is how the server sorts what is stored, and compares it with what it has given.
	Order Order
	// NameParts is the most parts that the name of a table may have, those that qualify it among them.
	NameParts int
	// NarrowLike says that LIKE, through an index, passes over some strings that start with its pattern: the
	// server looks from the text filled up with one character to the same filled up with another, which are
	// not the least and the greatest to each collation.
	NarrowLike bool
	// BoolIsNumber says that the column of a bool holds any number, of which all but 0 read as true.
	BoolIsNumber bool
	// ZeroEndsText says that an order may take a text and the same with zero characters behind it for equal,
	// though they compare as different.
	ZeroEndsText bool
	// JSONType is the client's name for a type of JSON, with which the server compares no text: a text is found in
	// such a column by the text that is read of it. It is empty where there is none.
	JSONType string
	// ExactTypes are the client's names for types of numbers that a float does not hold exactly, and which the server
	// compares with a float without rounding them as a read does: a float is found by what was read of it.
	ExactTypes []string
	// ZeroMakesKey says that an INSERT of the key 0 may store another key, which the server makes for it.
	// Such an INSERT is refused then.
	ZeroMakesKey bool
	// AnswersWhenDone says that what Dialect.Insert and Dialect.Write complete gives its rows when it is done, and
	// that an error behind them undoes nothing. Another server gives the rows of an INSERT one after the other, and
	// may then undo them.
	AnswersWhenDone bool
	// InsertReturns says that an INSERT can give the columns that InsertParts.Back names.
	InsertReturns bool
}

// Limits are the most that one statement can carry.
type Limits struct {
	Params int // the parameters
	Rows   int // the rows of an INSERT
	Bytes  int // the bytes of all parameters together that one INSERT should carry
	Value  int // the bytes of one value
	Sorted int // the bytes of the sort key of a text, beyond which an order does not look; 0 where there is no end
}

// Texts are the parts of statements, and whole statements, that each server has its own words for. A part
// that a server does not need is empty.
type Texts struct {
	// LockHint stands behind the table's name in a SELECT that locks its rows until the transaction ends.
	LockHint string
	// LockSuffix ends such a SELECT.
	LockSuffix string
	// PageStart and PageEnd stand around the parameter that says how many rows a sorted SELECT reads, and
	// end the SELECT.
	PageStart, PageEnd string
	// LikeSpecials are the characters that have a meaning in the pattern of LIKE.
	LikeSpecials string
	// KeyStep is a query for the distance of the keys that one INSERT makes. It is asked where
	// Dialect.Insert says that the INSERT does not answer.
	KeyStep string

	// Count counts rows, of which there may be more than 2^31.
	Count string

	// Alone begins a statement that is a transaction of its own, and one of DDL.
	Alone string
	// BeginTx and BeginView are the statements that begin a transaction, and one for a View.
	BeginTx, BeginView []string
	Commit             string
	Rollback           string
	// TxState is a query whose one row says how deep the session is inside transactions, which is 1 in one that
	// BeginTx has begun, and by which number the server knows the outermost. It is asked around raw work, which
	// can begin and end transactions on its own. It is empty where the server does not tell.
	TxState string

	// Trace is a query for the notes about the statement that has failed last on the connection, on a server
	// that tells by them, and not in the error, that a trigger has met it.
	Trace string

	// TableSuffix ends a CREATE TABLE.
	TableSuffix string
}

// likeEscape takes the meaning from the character behind it. Each LIKE names it, since the usual one
// depends on a setting of the server.
const likeEscape = "|"

// likePattern is the pattern of all strings that start with prefix.
func (t *Texts) likePattern(prefix string) string {
	var b strings.Builder
	for i := range len(prefix) {
		if c := prefix[i]; c == likeEscape[0] || strings.IndexByte(t.LikeSpecials, c) >= 0 {
			b.WriteString(likeEscape)
		}
		b.WriteByte(prefix[i])
	}
	return b.String() + "%"
}

// longestIndexed is the most characters of four bytes that an index over a column can hold, of 3072 bytes.
const longestIndexed = 768

// startRange returns the least and the greatest of the strings that start with prefix, by every collation there
// is: filled up with the character that weighs least, or nothing, and with the one that weighs most. size is
// the most characters that the column holds, 0 where that is not known.
func startRange(prefix string, size int) (least, greatest string) {
	if size == 0 || size > longestIndexed {
		size = longestIndexed
	}
	n := max(1, size-utf8.RuneCountInString(prefix))
	return prefix + strings.Repeat("\x00", n), prefix + strings.Repeat(string(utf8.MaxRune), n)
}

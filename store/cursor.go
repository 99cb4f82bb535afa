package store

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"strconv"
	"time"

	"github.com/stillframe/stillframe/store/driver"
)

// A cursor holds the values of the order's fields in the last row of a page, and a fingerprint of
// the query they belong to. It is encoded, not encrypted.

// cursorToken is what a cursor encodes.
type cursorToken struct {
	Query string    `json:"q"` // the fingerprint
	Last  []*string `json:"l"` // nil is NULL
}

// encodeCursor makes the token of a row, from the values of the order's fields in their stored form.
func encodeCursor(fingerprint string, last []any) (string, error) {
	token := cursorToken{Query: fingerprint}
	for _, value := range last {
		if value == nil {
			token.Last = append(token.Last, nil)
			continue
		}
		text := cursorText(value)
		token.Last = append(token.Last, &text)
	}
	data, err := json.Marshal(token)
	if err != nil {
		return "", invalidf("the cursor cannot be encoded")
	}
	return base64.RawURLEncoding.EncodeToString(data), nil
}

// decodeCursor returns the values of the order's fields, each of its field's base type or nil. A token
// comes from outside and may be anything: what is not one of Page's for this very query is ErrInvalid.
func decodeCursor(cursor, fingerprint string, order []driver.Order) ([]any, error) {
	data, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil {
		return nil, invalidf("From: this is not a cursor that Page returned")
	}
	var token cursorToken
	if err := json.Unmarshal(data, &token); err != nil {
		return nil, invalidf("From: this is not a cursor that Page returned")
	}
	if token.Query != fingerprint || len(token.Last) != len(order) {
		return nil, invalidf("From: the cursor belongs to another query")
	}
	last := make([]any, len(token.Last))
	for i, text := range token.Last {
		if text == nil {
			continue
		}
		if last[i], err = cursorValue(order[i].Field, *text); err != nil {
			return nil, invalidf("From: this is not a cursor that Page returned")
		}
	}
	return last, nil
}

// cursorText is a value in its stored form as text; cursorValue reads it.
func cursorText(value any) string {
	switch x := value.(type) {
	case bool:
		return strconv.FormatBool(x)
	case int64:
		return strconv.FormatInt(x, 10)
	case float64:
		return strconv.FormatFloat(x, 'g', -1, 64)
	case string:
		return x
	case []byte:
		return base64.RawStdEncoding.EncodeToString(x)
	case time.Time:
		return x.UTC().Format(time.RFC3339Nano)
	}
	return fmt.Sprint(value)
}

// cursorValue reads what cursorText has written, for decodeCursor, by the kind of the field that the
// value belongs to. The text came back from outside, so that it may be no value of the field.
func cursorValue(f *driver.Field, text string) (any, error) {
	var src any = text
	var err error
	switch f.Kind {
	case driver.Bool:
		src, err = strconv.ParseBool(text)
	case driver.Int, driver.Uint:
		src, err = strconv.ParseInt(text, 10, 64)
	case driver.Float:
		src, err = strconv.ParseFloat(text, 64)
	case driver.ByteArray, driver.UUID:
		src, err = base64.RawStdEncoding.DecodeString(text)
	case driver.Time:
		src, err = time.Parse(time.RFC3339Nano, text)
	}
	if err != nil {
		return nil, err
	}
	return f.DecodeBase(src)
}

// fingerprintOf identifies a query without its cursor and limit.
func fingerprintOf(table string, conditions *driver.Filter, order []driver.Order) string {
	h := fnv.New64a()
	fmt.Fprintf(h, "%q", table)
	for _, o := range order {
		fmt.Fprintf(h, "%q%t", o.Field.Name, o.Desc)
	}
	if conditions != nil {
		hashFilter(h, conditions)
	}
	return strconv.FormatUint(h.Sum64(), 36)
}

// hashFilter writes what a condition means, for fingerprintOf, so that a cursor of another condition,
// or of another value in it, is told from its own. A native condition counts as there alone.
func hashFilter(w io.Writer, f *driver.Filter) {
	fmt.Fprintf(w, "(%d", f.Op)
	if f.Field != nil {
		fmt.Fprintf(w, "%q", f.Field.Name)
	}
	switch value := f.Value.(type) {
	case nil:
	case []any:
		for _, v := range value {
			hashValue(w, f.Field, v)
		}
	default:
		hashValue(w, f.Field, value)
	}
	for _, sub := range f.Sub {
		hashFilter(w, sub)
	}
	fmt.Fprint(w, ")")
}

func hashValue(w io.Writer, f *driver.Field, value any) {
	encoded, err := f.EncodeBase(value)
	if err != nil {
		return // the backend meets the same error when it encodes the value
	}
	fmt.Fprintf(w, "%q", cursorText(encoded))
}

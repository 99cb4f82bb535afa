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

func (r *repo) encodeCursor(c *compiled, last []any) (string, error) {
	token := cursorToken{Query: r.fingerprint(c)}
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

// decodeCursor returns the values of c.order's fields, each of its field's base type or nil.
func (r *repo) decodeCursor(cursor string, c *compiled) ([]any, error) {
	data, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil {
		return nil, invalidf("From: this is not a cursor that Page returned")
	}
	var token cursorToken
	if err := json.Unmarshal(data, &token); err != nil {
		return nil, invalidf("From: this is not a cursor that Page returned")
	}
	if token.Query != r.fingerprint(c) || len(token.Last) != len(c.order) {
		return nil, invalidf("From: the cursor belongs to another query")
	}
	last := make([]any, len(token.Last))
	for i, text := range token.Last {
		if text == nil {
			continue
		}
		if last[i], err = cursorValue(c.order[i].Field, *text); err != nil {
			return nil, invalidf("From: this is not a cursor that Page returned")
		}
	}
	return last, nil
}

// cursorText is a stored form as text; cursorValue reads it by the field's kind.
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

// fingerprint identifies a query without its cursor and limit.
func (r *repo) fingerprint(c *compiled) string {
	h := fnv.New64a()
	fmt.Fprintf(h, "%q", r.table)
	for _, o := range c.order {
		fmt.Fprintf(h, "%q%t", o.Field.Name, o.Desc)
	}
	if c.filter != nil {
		hashFilter(h, c.filter)
	}
	return strconv.FormatUint(h.Sum64(), 36)
}

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
		return // the call itself meets the error
	}
	fmt.Fprintf(w, "%q", cursorText(encoded))
}

// after is the filter of what comes behind a row in the query's order, whose values are last.
// NULL sorts first.
func (c *compiled) after(last []any) *driver.Filter {
	var rest *driver.Filter
	for i := len(c.order) - 1; i >= 0; i-- {
		f, value := c.order[i].Field, last[i]
		beyond := beyondRow(c.order[i], value)
		if rest == nil {
			rest = beyond
			continue
		}
		same := nullTest(f, true)
		if value != nil {
			same = &driver.Filter{Op: driver.Eq, Field: f, Value: value}
		}
		rest = &driver.Filter{Op: driver.Or, Sub: []*driver.Filter{
			beyond, {Op: driver.And, Sub: []*driver.Filter{same, rest}},
		}}
	}
	conditions := []*driver.Filter{rest}
	if c.filter != nil {
		conditions = []*driver.Filter{c.filter, rest}
	}
	// The first field alone bounds the rows once more, in a form for which an index can be used.
	if first := c.order[0]; len(c.order) > 1 && !first.Desc && last[0] != nil {
		conditions = append(conditions, &driver.Filter{Op: driver.Ge, Field: first.Field, Value: last[0]})
	}
	return &driver.Filter{Op: driver.And, Sub: conditions}
}

// beyondRow selects the rows whose field sorts strictly behind value.
func beyondRow(o driver.Order, value any) *driver.Filter {
	switch {
	case !o.Desc && value == nil:
		return nullTest(o.Field, false)
	case !o.Desc:
		return &driver.Filter{Op: driver.Gt, Field: o.Field, Value: value}
	case value == nil:
		return &driver.Filter{Op: driver.Or} // nothing comes behind NULL
	}
	return &driver.Filter{Op: driver.Or, Sub: []*driver.Filter{
		{Op: driver.Lt, Field: o.Field, Value: value}, nullTest(o.Field, true),
	}}
}

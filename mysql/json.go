package mysql

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// storedJSON is what MySQL makes of the text of a JSON column: it keeps numbers as 64-bit integers or doubles, of two
// members of one name the last, and writes them in an order and a form of its own (MySQL reference manual, "The JSON
// Data Type"). It is driver.Info.StoredJSON. A text that is no JSON stays as it is, and is refused by the server.
func storedJSON(text string) string {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	b, err := appendStored(nil, d)
	if err != nil || d.More() {
		return text
	}
	return string(b)
}

// appendStored appends the next value of d as the server would print it.
func appendStored(b []byte, d *json.Decoder) ([]byte, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch x := token.(type) {
	case json.Delim:
		if x == '{' {
			return appendStoredObject(b, d)
		}
		b = append(b, '[')
		for n := 0; d.More(); n++ {
			if n > 0 {
				b = append(b, ", "...)
			}
			if b, err = appendStored(b, d); err != nil {
				return nil, err
			}
		}
		_, err = d.Token()
		return append(b, ']'), err
	case string:
		return appendStoredString(b, x), nil
	case json.Number:
		return append(b, storedNumber(string(x))...), nil
	case bool:
		return strconv.AppendBool(b, x), nil
	}
	return append(b, "null"...), nil
}

// appendStoredObject is appendStored for an object that has begun: its members are sorted by the length of their
// names, and then by their bytes.
func appendStoredObject(b []byte, d *json.Decoder) ([]byte, error) {
	members := map[string][]byte{}
	var names []string
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return nil, err
		}
		name, _ := token.(string)
		value, err := appendStored(nil, d)
		if err != nil {
			return nil, err
		}
		if _, ok := members[name]; !ok {
			names = append(names, name)
		}
		members[name] = value
	}
	slices.SortFunc(names, func(x, y string) int {
		if len(x) != len(y) {
			return len(x) - len(y)
		}
		return strings.Compare(x, y)
	})
	b = append(b, '{')
	for i, name := range names {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = append(append(appendStoredString(b, name), ": "...), members[name]...)
	}
	_, err := d.Token()
	return append(b, '}'), err
}

// appendStoredString appends a string, of which the server escapes nothing but what JSON must.
func appendStoredString(b []byte, s string) []byte {
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // no string fails
	quoted := bytes.TrimSuffix(text.Bytes(), []byte("\n"))
	quoted = bytes.ReplaceAll(quoted, []byte(`\u2028`), []byte("\u2028"))
	return append(b, bytes.ReplaceAll(quoted, []byte(`\u2029`), []byte("\u2029"))...)
}

// mostDecimals is DBL_DIG, beyond which the server goes on to exponents.
const mostDecimals = 15

// storedNumber is how the server prints a number that it has read. One that is no double it does not take.
func storedNumber(literal string) string {
	if !strings.ContainsAny(literal, ".eE") {
		if n, err := strconv.ParseInt(literal, 10, 64); err == nil {
			return strconv.FormatInt(n, 10)
		}
		if n, err := strconv.ParseUint(literal, 10, 64); err == nil {
			return strconv.FormatUint(n, 10)
		}
	}
	x, err := strconv.ParseFloat(literal, 64)
	if err != nil {
		return literal
	}
	mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(x, 'e', -1, 64), "e")
	n, _ := strconv.Atoi(exponent)
	digits := len(strings.Trim(strings.Replace(mantissa, ".", "", 1), "-"))
	if point := n + 1; point <= -mostDecimals || point > mostDecimals && digits <= point {
		return mantissa + "e" + strconv.Itoa(n)
	}
	text := strconv.FormatFloat(x, 'f', -1, 64)
	if !strings.Contains(text, ".") {
		text += ".0"
	}
	return text
}

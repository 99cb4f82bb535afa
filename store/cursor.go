package store

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/stillframe/stillframe/store/driver"
)

// A cursor is the stored values of the order's fields in the last row of a page, sealed by AES-GCM. What it belongs
// to, the database, the table, the conditions with their values and the order, is the data that the seal covers
// and the token does not hold: nothing of it can be read or guessed from a token, and a token of another query does
// not open. It is checked before any I/O.

const (
	// mostCursor is the most characters of a token: a longer one is refused before anything of it is decoded.
	mostCursor = 1 << 16
	// leastCursorKey is the least bytes of Options.CursorKey.
	leastCursorKey = 16
	// cursorVersion begins each token. Another version has another form inside.
	cursorVersion byte = 1
	cursorPurpose      = "stillframe cursor 1"
)

// cursorSeals make and open the tokens of a DB. The first makes them, each may open them.
type cursorSeals []cipher.AEAD

// processKey is the key of a process in which Options.CursorKey is not set.
var processKey = sync.OnceValue(func() []byte {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // it never returns an error
	return key
})

// newCursorSeals checks Options.CursorKey and OldCursorKeys, for New.
func newCursorSeals(key []byte, old [][]byte) (cursorSeals, error) {
	if key == nil {
		key = processKey()
	}
	keys := append([][]byte{key}, old...)
	seals := make(cursorSeals, len(keys))
	for i, key := range keys {
		if len(key) < leastCursorKey {
			name := "CursorKey"
			if i > 0 {
				name = fmt.Sprintf("OldCursorKeys[%d]", i-1)
			}
			return nil, invalidf("Options.%s has %d bytes: it needs at least %d random ones",
				name, len(key), leastCursorKey)
		}
		derived, err := hkdf.Key(sha256.New, key, nil, cursorPurpose, 32)
		if err != nil {
			return nil, err
		}
		block, err := aes.NewCipher(derived)
		if err != nil {
			return nil, err
		}
		if seals[i], err = cipher.NewGCMWithRandomNonce(block); err != nil {
			return nil, err
		}
	}
	return seals, nil
}

// seal makes the token of a row, from the stored values of the order's fields in it. of is the fingerprint of the
// query.
func (s cursorSeals) seal(of []byte, last []any) (string, error) {
	var values []byte
	for _, value := range last {
		if !driver.IsStored(value) {
			return "", fmt.Errorf("store: the backend gave a %T for a stored value", value)
		}
		values = appendStored(values, value)
	}
	token := s[0].Seal([]byte{cursorVersion}, nil, values, of)
	if base64.RawURLEncoding.EncodedLen(len(token)) > mostCursor {
		return "", invalidf("the values that the query sorts by do not fit in a cursor, which has at most %d "+
			"characters: sort by shorter fields, or read all by Find", mostCursor)
	}
	return base64.RawURLEncoding.EncodeToString(token), nil
}

// open returns the values that seal was given. A token comes from outside and may be anything: what is not one of
// Page's for this very query is ErrInvalid.
func (s cursorSeals) open(cursor string, of []byte, order []driver.Order) ([]any, error) {
	if len(cursor) > mostCursor {
		return nil, invalidf("From: the cursor has more than %d characters, which none has that Page returned",
			mostCursor)
	}
	token, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil || len(token) == 0 || token[0] != cursorVersion {
		return nil, errForeignCursor
	}
	for _, aead := range s {
		values, err := aead.Open(nil, nil, token[1:], of)
		if err != nil {
			continue
		}
		last := make([]any, len(order))
		for i := range last {
			if last[i], values, err = nextStored(values); err != nil {
				return nil, errForeignCursor
			}
		}
		if len(values) > 0 {
			return nil, errForeignCursor
		}
		return last, nil
	}
	return nil, errForeignCursor
}

var errForeignCursor = invalidf("From: this is not a cursor that Page returned for this query with a key of this " +
	"DB: it was changed, or belongs to another query, or Options.CursorKey is not the one that it was made with")

// The forms of a stored value in a cursor and in a fingerprint.
const (
	storedNull byte = iota
	storedFalse
	storedTrue
	storedInt
	storedUint
	storedFloat
	storedText
	storedBytes
	storedTime
	storedNumber
)

// appendStored appends a stored value so that it can be read without knowing its type, and that equal values are
// equal bytes. nextStored reads it.
func appendStored(b []byte, value any) []byte {
	switch x := value.(type) {
	case bool:
		if x {
			return append(b, storedTrue)
		}
		return append(b, storedFalse)
	case int64:
		return binary.AppendVarint(append(b, storedInt), x)
	case uint64:
		return binary.AppendUvarint(append(b, storedUint), x)
	case float64:
		return binary.BigEndian.AppendUint64(append(b, storedFloat), math.Float64bits(x))
	case string:
		return appendSized(append(b, storedText), x)
	case []byte:
		return appendSized(append(b, storedBytes), x)
	case time.Time:
		b = binary.AppendVarint(append(b, storedTime), x.Unix())
		return binary.AppendUvarint(b, uint64(x.Nanosecond()))
	case driver.Number:
		return appendSized(append(b, storedNumber), x)
	}
	return append(b, storedNull)
}

// appendSized appends a text with its length in front.
func appendSized[T ~string | ~[]byte](b []byte, text T) []byte {
	return append(binary.AppendUvarint(b, uint64(len(text))), text...)
}

// nextStored reads one value that appendStored has written, and returns what is behind it.
func nextStored(b []byte) (value any, rest []byte, err error) {
	if len(b) == 0 {
		return nil, nil, errForeignCursor
	}
	form, b := b[0], b[1:]
	switch form {
	case storedNull:
		return nil, b, nil
	case storedFalse, storedTrue:
		return form == storedTrue, b, nil
	case storedInt:
		x, n := binary.Varint(b)
		return x, b[max(n, 0):], foreignUnless(n > 0)
	case storedUint:
		x, n := binary.Uvarint(b)
		return x, b[max(n, 0):], foreignUnless(n > 0)
	case storedFloat:
		if len(b) < 8 {
			return nil, nil, errForeignCursor
		}
		return math.Float64frombits(binary.BigEndian.Uint64(b)), b[8:], nil
	case storedTime:
		seconds, n := binary.Varint(b)
		b = b[max(n, 0):]
		nanoseconds, m := binary.Uvarint(b)
		return time.Unix(seconds, int64(nanoseconds)).UTC(), b[max(m, 0):], foreignUnless(n > 0 && m > 0)
	}
	size, n := binary.Uvarint(b)
	if n <= 0 || size > uint64(len(b)-n) {
		return nil, nil, errForeignCursor
	}
	text, rest := b[n:n+int(size)], b[n+int(size):]
	switch form {
	case storedText:
		return string(text), rest, nil
	case storedBytes:
		return slices.Clone(text), rest, nil
	case storedNumber:
		return driver.Number(text), rest, nil
	}
	return nil, nil, errForeignCursor
}

func foreignUnless(ok bool) error {
	if ok {
		return nil
	}
	return errForeignCursor
}

package mongo

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// This file writes and reads BSON (bsonspec.org, version 1.1) by the byte. The driver's own package
// for that lies below x, where it promises no stability.

// The binary subtypes in use.
const (
	genericSubtype = 0x00
	oldSubtype     = 0x02
	uuidSubtype    = 0x04
)

// beginDocument starts a document, which endDocument ends at the position it returns.
func beginDocument(b []byte) (int, []byte) {
	return len(b), append(b, 0, 0, 0, 0)
}

func endDocument(b []byte, at int) []byte {
	b = append(b, 0)
	binary.LittleEndian.PutUint32(b[at:], uint32(len(b)-at))
	return b
}

// beginElement appends the header of an element. The type is written to the position it returns
// when it is known.
func beginElement(b []byte, key string) (int, []byte) {
	at := len(b)
	b = append(b, 0)
	b = append(b, key...)
	return at, append(b, 0)
}

// appendHeader appends the header of an element whose type is known.
func appendHeader(b []byte, t bson.Type, key string) []byte {
	at, b := beginElement(b, key)
	b[at] = byte(t)
	return b
}

func appendInt64(b []byte, n int64) []byte { return binary.LittleEndian.AppendUint64(b, uint64(n)) }

func appendInt32(b []byte, n int32) []byte { return binary.LittleEndian.AppendUint32(b, uint32(n)) }

func appendDouble(b []byte, x float64) []byte {
	return binary.LittleEndian.AppendUint64(b, math.Float64bits(x))
}

func appendString(b []byte, s string) []byte {
	b = binary.LittleEndian.AppendUint32(b, uint32(len(s)+1))
	b = append(b, s...)
	return append(b, 0)
}

func appendBinary(b []byte, subtype byte, data []byte) []byte {
	b = binary.LittleEndian.AppendUint32(b, uint32(len(data)))
	b = append(b, subtype)
	return append(b, data...)
}

func appendDecimal(b []byte, d bson.Decimal128) []byte {
	high, low := d.GetBytes()
	b = binary.LittleEndian.AppendUint64(b, low)
	return binary.LittleEndian.AppendUint64(b, high)
}

var (
	errMalformed = errors.New("the server sent malformed BSON")
	errTooDeep   = errors.New("the server sent BSON that is nested deeper than any it stores")
)

// element is one element of a document, as it lies in the document's bytes.
type element struct {
	kind  bson.Type
	key   []byte
	value []byte
}

func (e element) raw() bson.RawValue { return bson.RawValue{Type: e.kind, Value: e.value} }

// elementsOf checks the frame of a document and returns what lies in it, for nextElement.
func elementsOf(doc []byte) ([]byte, error) {
	if len(doc) < 5 || int(binary.LittleEndian.Uint32(doc)) != len(doc) || doc[len(doc)-1] != 0 {
		return nil, errMalformed
	}
	return doc[4 : len(doc)-1], nil
}

// nextElement reads the first element and returns what follows it.
func nextElement(b []byte) (e element, rest []byte, err error) {
	end := bytes.IndexByte(b[1:], 0)
	if end < 0 {
		return e, nil, errMalformed
	}
	e.kind, e.key = bson.Type(b[0]), b[1:1+end]
	b = b[end+2:]
	n := valueLength(e.kind, b)
	if n < 0 || n > len(b) {
		return e, nil, errMalformed
	}
	e.value = b[:n:n]
	return e, b[n:], nil
}

// mostDepth is how deep documents and arrays lie inside each other in what is read: no server stores more than some 200
// levels. The codecs call themselves for each level, and the stack of a goroutine that is used up ends the program.
const mostDepth = 1000

// checkDepth returns an error for a value that is nested deeper than mostDepth, or cannot be walked through. Values
// that are too short for that many levels are not looked at.
func checkDepth(e element) error {
	const shortestLevel = 7 // its length, the type and the name of the element that the next is, and its end
	if len(e.value) < shortestLevel*mostDepth {
		return nil
	}
	var open [][]byte // what is left of each document that has been begun
	for {
		switch e.kind {
		case bson.TypeCodeWithScope:
			if len(e.value) < 8 {
				return errMalformed
			}
			at := 8 + int64(binary.LittleEndian.Uint32(e.value[4:]))
			if at > int64(len(e.value)) {
				return errMalformed
			}
			e.value = e.value[at:]
			fallthrough
		case bson.TypeEmbeddedDocument, bson.TypeArray:
			inside, err := elementsOf(e.value)
			if err != nil {
				return err
			}
			if len(open) == mostDepth {
				return errTooDeep
			}
			open = append(open, inside)
		}
		for len(open) > 0 && len(open[len(open)-1]) == 0 {
			open = open[:len(open)-1]
		}
		if len(open) == 0 {
			return nil
		}
		var err error
		if e, open[len(open)-1], err = nextElement(open[len(open)-1]); err != nil {
			return err
		}
	}
}

// valueLength returns the number of bytes of a value, for nextElement, which passes over fields that are not
// mapped: it must know each type of BSON. It is -1 where the bytes do not say it, and the document is malformed.
func valueLength(t bson.Type, b []byte) int {
	switch t {
	case bson.TypeNull, bson.TypeUndefined, bson.TypeMinKey, bson.TypeMaxKey:
		return 0
	case bson.TypeBoolean:
		return 1
	case bson.TypeInt32:
		return 4
	case bson.TypeDouble, bson.TypeDateTime, bson.TypeTimestamp, bson.TypeInt64:
		return 8
	case bson.TypeObjectID:
		return 12
	case bson.TypeDecimal128:
		return 16
	case bson.TypeRegex:
		first := bytes.IndexByte(b, 0)
		if first < 0 {
			return -1
		}
		second := bytes.IndexByte(b[first+1:], 0)
		if second < 0 {
			return -1
		}
		return first + second + 2
	}
	if len(b) < 4 {
		return -1
	}
	n := int(int32(binary.LittleEndian.Uint32(b)))
	if n < 0 {
		return -1
	}
	switch t {
	case bson.TypeString, bson.TypeJavaScript, bson.TypeSymbol:
		return n + 4
	case bson.TypeEmbeddedDocument, bson.TypeArray, bson.TypeCodeWithScope:
		return n
	case bson.TypeBinary:
		return n + 5
	case bson.TypeDBPointer:
		return n + 16
	}
	return -1
}

package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"slices"

	"github.com/stillframe/stillframe/store/driver"
)

// fingerprintOf identifies a query without its cursor and limit, in a database: its table, its conditions with all
// values and arguments, and its order. A cursor is sealed with it. Fields go by their stored names, so that it is
// the same for each mapping of the table.
func fingerprintOf(info *Info, table string, conditions *driver.Filter, order []driver.Order) ([]byte, error) {
	b := []byte(cursorPurpose)
	for _, name := range []string{info.Name, info.Database, info.Identity, table} {
		b = appendSized(b, name)
	}
	b = binary.AppendUvarint(b, uint64(len(order)))
	for _, o := range order {
		b = appendStored(appendSized(b, o.Field.Path), o.Desc)
	}
	if conditions != nil {
		var err error
		if b, err = appendFilter(b, info, conditions); err != nil {
			return nil, err
		}
	}
	sum := sha256.Sum256(b)
	return sum[:], nil
}

// appendFilter appends what a condition means, for fingerprintOf.
func appendFilter(b []byte, info *Info, f *driver.Filter) ([]byte, error) {
	b = append(b, byte(f.Op))
	if f.Field != nil {
		b = appendSized(b, f.Field.Path)
	}
	switch value := f.Value.(type) {
	case nil:
	case []any:
		list, err := appendList(f.Field, value)
		if err != nil {
			return nil, err
		}
		b = append(b, list...)
	default:
		var err error
		if b, err = appendOperand(b, f.Field, value); err != nil {
			return nil, err
		}
	}
	if f.Op == driver.Native {
		if info.NativeText == nil {
			return nil, explain(ErrUnsupported, "%s has no cursors for queries with native conditions", info.Name)
		}
		text, err := info.NativeText(f.Native)
		if err != nil {
			return nil, invalid(err)
		}
		b = appendSized(b, text)
	}
	b = binary.AppendUvarint(b, uint64(len(f.Sub)))
	for _, sub := range f.Sub {
		var err error
		if b, err = appendFilter(b, info, sub); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// appendList appends the values of a list in an order of their own, each once: in another order, or with one of
// them twice, it is the same list.
func appendList(f *driver.Field, values []any) ([]byte, error) {
	elements := make([][]byte, len(values))
	for i, value := range values {
		var err error
		if elements[i], err = appendOperand(nil, f, value); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(elements, bytes.Compare)
	elements = slices.CompactFunc(elements, bytes.Equal)
	b := binary.AppendUvarint(nil, uint64(len(elements)))
	return append(b, bytes.Join(elements, nil)...), nil
}

func appendOperand(b []byte, f *driver.Field, value any) ([]byte, error) {
	encoded, err := f.EncodeBase(value)
	if err != nil {
		return nil, invalid(err)
	}
	return appendStored(b, encoded), nil
}

package driver

import (
	"encoding/binary"
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// decoded are fields of each kind, as a mapping describes them.
func decoded() (fields []Field) {
	type inner struct {
		A map[string]int
		B *float64
	}
	for _, one := range []struct {
		kind Kind
		v    any
	}{
		{Bool, false},
		{Int, int8(0)},
		{Int, int64(0)},
		{Uint, uint16(0)},
		{Uint, uint64(0)},
		{Float, float32(0)},
		{Float, float64(0)},
		{String, ""},
		{Decimal, ""},
		{Bytes, []byte{}},
		{ByteArray, [3]byte{}},
		{UUID, [16]byte{}},
		{Time, time.Time{}},
		{Nested, inner{}},
		{Nested, map[string]any{}},
	} {
		t := reflect.TypeOf(one.v)
		f := Field{Name: "F", Kind: one.kind, Type: t, Base: t, Precision: 20, Scale: 4}
		fields = append(fields, f)
		f.Wrap, f.Type = Pointer, reflect.PointerTo(t)
		fields = append(fields, f)
	}
	return fields
}

// FuzzFieldDecode gives each kind of field whatever a SQL client may hand out for a column. It must not panic, and what
// it takes must come back the same when it is written and read again.
func FuzzFieldDecode(f *testing.F) {
	fields := decoded()
	for i := range fields {
		for form := range byte(8) {
			f.Add(byte(i), form, []byte("2026-11-27 15:00:00.123456"))
			f.Add(byte(i), form, []byte{1, 2, 3})
			f.Add(byte(i), form, []byte(`{"A":{"x":1},"B":2.5}`))
		}
	}
	f.Fuzz(func(t *testing.T, which, form byte, data []byte) {
		field := &fields[int(which)%len(fields)]
		var number [8]byte
		copy(number[:], data)
		n := binary.LittleEndian.Uint64(number[:])
		src := []any{
			nil, int64(n), n, math.Float64frombits(n), math.Float32frombits(uint32(n)), n%2 == 0, string(data), data,
			time.Unix(int64(n%(1<<35)), int64(n>>35)),
		}[form%9]
		first, second := reflect.New(field.Type).Elem(), reflect.New(field.Type).Elem()
		if field.Decode(first, src) != nil {
			return
		}
		stored, err := field.Encode(first)
		if err != nil {
			return // what Save would refuse as well
		}
		require.NoError(t, field.Decode(second, stored))
		again, err := field.Encode(second)
		require.NoError(t, err)
		if x, isFloat := stored.(float64); isFloat && math.IsNaN(x) {
			return
		}
		require.Equal(t, stored, again)
	})
}

package driver_test

import (
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store/driver"
)

// money has only unexported fields and stores itself as text.
type money struct{ text string }

func (m money) Value() (sqldriver.Value, error) {
	if m.text == "broken" {
		return nil, errors.New("broken")
	}
	return []byte(m.text), nil
}

func (m *money) Scan(src any) error {
	switch x := src.(type) {
	case nil:
		m.text = ""
	case string:
		m.text = x
	case []byte:
		m.text = string(x)
	default:
		return errors.New("no text")
	}
	return nil
}

type blob []byte

func field[T any](kind driver.Kind) *driver.Field {
	t := reflect.TypeFor[T]()
	return &driver.Field{Name: "F", Type: t, Base: t, Kind: kind, Precision: 6, Scale: 2}
}

func wrapped[T, Base any](kind driver.Kind, wrap driver.Wrap) *driver.Field {
	f := field[T](kind)
	f.Base, f.Wrap = reflect.TypeFor[Base](), wrap
	return f
}

func valuer(f *driver.Field) *driver.Field {
	f.Valuer = true
	return f
}

// TestJSONNull reads what other programs store for nothing in a column of JSON.
func TestJSONNull(t *testing.T) {
	t.Parallel()
	type home struct{ City string }
	pointer := wrapped[*home, home](driver.Nested, driver.Pointer)
	null := wrapped[sql.Null[home], home](driver.Nested, driver.Null)
	for _, src := range []any{"null", []byte(" null\n")} {
		p := &home{"Leicester"}
		require.NoError(t, pointer.Decode(reflect.ValueOf(&p).Elem(), src))
		assert.Nil(t, p)
		n := sql.Null[home]{V: home{"Leicester"}, Valid: true}
		require.NoError(t, null.Decode(reflect.ValueOf(&n).Elem(), src))
		assert.Equal(t, sql.Null[home]{}, n)
		h := home{"Leicester"}
		require.NoError(t, field[home](driver.Nested).Decode(reflect.ValueOf(&h).Elem(), src))
		assert.Zero(t, h)
	}
	var p *home
	require.NoError(t, pointer.Decode(reflect.ValueOf(&p).Elem(), `{"City":"null"}`))
	assert.Equal(t, &home{"null"}, p)
}

func TestEncodeAndDecode(t *testing.T) {
	t.Parallel()
	at := time.Date(2016, 5, 2, 21, 0, 0, 5, time.FixedZone("", 3600))
	five := 5
	for _, tt := range []struct {
		name   string
		field  *driver.Field
		value  any
		stored any
		back   any // when another than value
	}{
		{"Bool", field[bool](driver.Bool), true, true, nil},
		{"Int8", field[int8](driver.Int), int8(-128), int64(-128), nil},
		{"Uint64", field[uint64](driver.Uint), uint64(math.MaxInt64), int64(math.MaxInt64), nil},
		{"Float32", field[float32](driver.Float), float32(0.5), 0.5, nil},
		{"String", field[string](driver.String), "né", "né", nil},
		{"Decimal", field[string](driver.Decimal), "1.5", "1.50", "1.50"},
		{"Bytes", field[[]byte](driver.Bytes), []byte{}, []byte{}, nil},
		{"NamedBytes", field[blob](driver.Bytes), blob{1}, []byte{1}, nil},
		{"NilBytes", field[[]byte](driver.Bytes), []byte(nil), nil, nil},
		{"UUID", field[[16]byte](driver.UUID), [16]byte{1, 2}, append([]byte{1, 2}, make([]byte, 14)...), nil},
		{"Time", field[time.Time](driver.Time), at, at.UTC(), at.UTC()},
		{"Nested", field[map[string]int](driver.Nested), map[string]int{"a": 1}, `{"a":1}`, nil},
		{"NilMap", field[map[string]int](driver.Nested), map[string]int(nil), nil, nil},
		{"Pointer", wrapped[*int, int](driver.Int, driver.Pointer), &five, int64(5), nil},
		{"NilPointer", wrapped[*int, int](driver.Int, driver.Pointer), (*int)(nil), nil, nil},
		{"Null", wrapped[sql.Null[int], int](driver.Int, driver.Null), sql.Null[int]{V: 5, Valid: true}, int64(5), nil},
		{"NullString", wrapped[sql.NullString, string](driver.String, driver.Null), sql.NullString{}, nil, nil},
		{"Valuer", valuer(field[money](driver.String)), money{"x"}, "x", nil},
		{"DecimalValuer", valuer(field[money](driver.Decimal)), money{"1.5"}, "1.50", money{"1.50"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			stored, err := tt.field.Encode(reflect.ValueOf(tt.value))
			require.NoError(t, err)
			assert.Equal(t, tt.stored, stored)
			dst := reflect.New(tt.field.Type).Elem()
			require.NoError(t, tt.field.Decode(dst, stored))
			want := tt.back
			if want == nil {
				want = tt.value
			}
			assert.Equal(t, want, dst.Interface())
			require.NoError(t, tt.field.Decode(dst, nil))
			assert.True(t, dst.IsZero(), "NULL clears")
		})
	}
}

func TestEncodeRefuses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		field *driver.Field
		value any
	}{
		{"Uint64", field[uint64](driver.Uint), uint64(math.MaxInt64) + 1},
		{"Decimal", field[string](driver.Decimal), "x"},
		{"Valuer", valuer(field[money](driver.String)), money{"broken"}},
		{"ValuerOfAnotherKind", valuer(field[money](driver.Int)), money{"5"}},
		{"Nested", field[map[string]float64](driver.Nested), map[string]float64{"a": math.NaN()}},
		{"Opaque", field[int](driver.Opaque), 5},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := tt.field.Encode(reflect.ValueOf(tt.value))
			var fault *driver.ValueError
			require.ErrorAs(t, err, &fault)
			assert.Equal(t, "F", fault.Field)
		})
	}
}

// Clients hand a stored value out in more forms than one.
func TestDecodeOtherForms(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		field *driver.Field
		src   any
		want  any // nil: refused
	}{
		{"IntFromText", field[int](driver.Int), []byte("-5"), -5},
		{"IntFromFloat", field[int](driver.Int), 5.0, 5},
		{"IntFromFraction", field[int](driver.Int), 5.5, nil},
		{"IntFromHugeFloat", field[int](driver.Int), 1e300, nil},
		{"IntTooLarge", field[int8](driver.Int), int64(200), nil},
		{"UintNegative", field[uint8](driver.Uint), int64(-1), nil},
		{"UintFromUint64", field[uint64](driver.Uint), uint64(5), uint64(5)},
		{"BoolFromInt", field[bool](driver.Bool), int64(1), true},
		{"BoolFromBit", field[bool](driver.Bool), []byte{0}, false},
		{"BoolFromText", field[bool](driver.Bool), []byte("1"), true},
		{"FloatFromText", field[float64](driver.Float), []byte("0.25"), 0.25},
		{"FloatTooLarge", field[float32](driver.Float), 1e300, nil},
		{"StringFromBytes", field[string](driver.String), []byte("x"), "x"},
		{"StringFromInt", field[string](driver.String), int64(5), nil},
		{"ArrayTooShort", field[[16]byte](driver.UUID), []byte{1}, nil},
		{"TimeFromText", field[time.Time](driver.Time), "2016", nil},
		{"DecimalFromFloat", field[string](driver.Decimal), 1.5, "1.50"},
		{"NestedFromBadText", field[map[string]int](driver.Nested), `{"a":"x"}`, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dst := reflect.New(tt.field.Type).Elem()
			err := tt.field.Decode(dst, tt.src)
			if tt.want == nil {
				var fault *driver.ValueError
				require.ErrorAs(t, err, &fault)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, tt.want, dst.Interface())
		})
	}
}

func TestDecodeKeepsNoReference(t *testing.T) {
	t.Parallel()
	src := []byte{1, 2, 3}
	f := field[[]byte](driver.Bytes)
	dst := reflect.New(f.Type).Elem()
	require.NoError(t, f.Decode(dst, src))
	src[0] = 9
	assert.Equal(t, []byte{1, 2, 3}, dst.Interface())
}

// TestIsSQLNull knows the types of package sql that hold NULL, and no other.
func TestIsSQLNull(t *testing.T) {
	t.Parallel()
	type NullName struct {
		Name  string
		Valid bool
	}
	for _, v := range []any{sql.NullString{}, sql.NullTime{}, sql.Null[int]{}} {
		assert.True(t, driver.IsSQLNull(reflect.TypeOf(v)), "%T", v)
	}
	for _, v := range []any{NullName{}, "", &sql.NullString{}, sql.NamedArg{}} {
		assert.False(t, driver.IsSQLNull(reflect.TypeOf(v)), "%T", v)
	}
}

package storetest

import (
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"time"

	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/storetest/internal/entity"
)

// kinds has a field of every type that can be stored.
type kinds struct {
	store.Snapshot `bson:",inline"`

	ID int64 `db:"id" bson:"_id" store:"key"`

	Bool     bool         `db:"bool_v" bson:"bool_v"`
	BoolP    *bool        `db:"bool_p" bson:"bool_p"`
	BoolNull sql.NullBool `db:"bool_n" bson:"bool_n"`
	Flag     flag         `db:"flag_v" bson:"flag_v"`

	Int       int           `db:"int_v" bson:"int_v"`
	Int8      int8          `db:"int8_v" bson:"int8_v"`
	Int16     int16         `db:"int16_v" bson:"int16_v"`
	Int32     int32         `db:"int32_v" bson:"int32_v"`
	Int64     int64         `db:"int64_v" bson:"int64_v"`
	Level     level         `db:"level_v" bson:"level_v"`
	Int64P    *int64        `db:"int64_p" bson:"int64_p"`
	Int8P     *int8         `db:"int8_p" bson:"int8_p"`
	Int64Null sql.NullInt64 `db:"int64_n" bson:"int64_n"`
	Int32Null sql.NullInt32 `db:"int32_n" bson:"int32_n"`
	Int16Null sql.NullInt16 `db:"int16_n" bson:"int16_n"`

	Uint       uint             `db:"uint_v" bson:"uint_v"`
	Uint8      uint8            `db:"uint8_v" bson:"uint8_v"`
	Uint16     uint16           `db:"uint16_v" bson:"uint16_v"`
	Uint32     uint32           `db:"uint32_v" bson:"uint32_v"`
	Uint64     uint64           `db:"uint64_v" bson:"uint64_v"`
	Uint32P    *uint32          `db:"uint32_p" bson:"uint32_p"`
	Uint64Null sql.Null[uint64] `db:"uint64_n" bson:"uint64_n"`
	ByteNull   sql.NullByte     `db:"byte_n" bson:"byte_n"`

	Float32   float32         `db:"float32_v" bson:"float32_v"`
	Float64   float64         `db:"float64_v" bson:"float64_v"`
	Float64P  *float64        `db:"float64_p" bson:"float64_p"`
	FloatNull sql.NullFloat64 `db:"float64_n" bson:"float64_n"`

	Text     string           `db:"text_v" bson:"text_v" store:"size=100"`
	TextP    *string          `db:"text_p" bson:"text_p" store:"size=100"`
	TextNull sql.NullString   `db:"text_n" bson:"text_n" store:"size=100"`
	TextG    sql.Null[string] `db:"text_g" bson:"text_g" store:"size=100"`
	Title    title            `db:"title_v" bson:"title_v" store:"size=100"`
	Long     string           `db:"long_v" bson:"long_v" store:"text"`

	Bytes []byte `db:"bytes_v" bson:"bytes_v" store:"size=300"`
	Blob  blob   `db:"blob_v" bson:"blob_v" store:"size=max"`

	Time     time.Time           `db:"time_v" bson:"time_v"`
	TimeP    *time.Time          `db:"time_p" bson:"time_p"`
	TimeNull sql.NullTime        `db:"time_n" bson:"time_n"`
	TimeG    sql.Null[time.Time] `db:"time_g" bson:"time_g"`
	Moment   moment              `db:"moment_v" bson:"moment_v"`

	UUID     uuid           `db:"uuid_v" bson:"uuid_v"`
	UUIDP    *uuid          `db:"uuid_p" bson:"uuid_p"`
	UUIDNull sql.Null[uuid] `db:"uuid_n" bson:"uuid_n"`
	Hash     [12]byte       `db:"hash_v" bson:"hash_v"`
	HashP    *[32]byte      `db:"hash_p" bson:"hash_p"`

	Price     string         `db:"price_v" bson:"price_v" store:"decimal=19.4"`
	PriceP    *string        `db:"price_p" bson:"price_p" store:"decimal=19.4"`
	PriceNull sql.NullString `db:"price_n" bson:"price_n" store:"decimal=19.4"`
	Whole     string         `db:"whole_v" bson:"whole_v" store:"decimal=18.0"`
	Money     amount         `db:"money_v" bson:"money_v" store:"decimal=19.4"`
	MoneyP    *amount        `db:"money_p" bson:"money_p" store:"decimal=19.4"`

	Points     points           `db:"points_v" bson:"points_v"`
	PointsP    *points          `db:"points_p" bson:"points_p"`
	PointsNull sql.Null[points] `db:"points_n" bson:"points_n"`
	Code       code             `db:"code_v" bson:"code_v" store:"size=40"`
	CodeP      *code            `db:"code_p" bson:"code_p" store:"size=40"`
	Instant    instant          `db:"instant_v" bson:"instant_v"`

	Ground  ground              `db:"ground_v" bson:"ground_v" store:"json"`
	GroundP *ground             `db:"ground_p" bson:"ground_p" store:"json"`
	Grounds []ground            `db:"grounds_v" bson:"grounds_v" store:"json"`
	ByName  map[string]*ground  `db:"byname_v" bson:"byname_v" store:"json"`
	ByID    map[int64]string    `db:"byid_v" bson:"byid_v" store:"json"`
	Pair    [2]int64            `db:"pair_v" bson:"pair_v" store:"json"`
	Names   []string            `db:"names_v" bson:"names_v" store:"json"`
	Lists   map[string][]string `db:"lists_v" bson:"lists_v" store:"json"`
	Tree    *tree               `db:"tree_v" bson:"tree_v" store:"json"`
}

// The types that other packages of the suite store too.
type (
	level  = entity.Level
	uuid   = entity.UUID
	amount = entity.Amount
	points = entity.Points
)

type (
	flag   bool
	title  string
	blob   []byte
	moment time.Time

	// code is a text with Value and Scan, and without exported fields.
	code struct{ text string }
	// instant is a time with Value and Scan, and without exported fields.
	instant struct{ t time.Time }

	tree struct {
		Label string    `json:"label" bson:"label"`
		Size  float64   `json:"size" bson:"size"`
		Count *int64    `json:"count" bson:"count"`
		Bytes []byte    `json:"bytes" bson:"bytes"`
		Made  time.Time `json:"made" bson:"made"`
		Kids  []*tree   `json:"kids" bson:"kids"`
	}
)

var errCode = errors.New("this code cannot be stored")

// Value implements driver.Valuer.
func (c code) Value() (sqldriver.Value, error) {
	if c.text == "refuse hunter2" {
		return nil, errCode
	}
	return []byte(c.text), nil // the other of the two forms of text
}

// Scan implements sql.Scanner.
func (c *code) Scan(src any) error {
	switch s := src.(type) {
	case nil:
		c.text = ""
	case string:
		c.text = s
	case []byte:
		c.text = string(s)
	default:
		return fmt.Errorf("no code in a %T", src)
	}
	return nil
}

// Value implements driver.Valuer.
func (i instant) Value() (sqldriver.Value, error) { return i.t, nil }

// Scan implements sql.Scanner.
func (i *instant) Scan(src any) error {
	t, ok := src.(time.Time)
	if !ok && src != nil {
		return fmt.Errorf("no instant in a %T", src)
	}
	i.t = t
	return nil
}

var leicester = time.FixedZone("", 3600)

// edges are the values of one type at its edges; decimal is the form of a decimal number. What is stored
// of them is what normal says. known are those of the types that are more than their kind.
func edges(t reflect.Type, decimal string, known map[reflect.Type][]any) []any {
	if list, ok := known[t]; ok {
		return list
	}
	switch {
	case decimal == "18.0" && t.Kind() == reflect.String:
		return []any{"0", "-1", "999999999999999999", "-999999999999999999", "1.0", "1e17"}
	case decimal != "" && t.Kind() == reflect.String:
		return []any{
			"0", "0.0001", "-0.0001", "999999999999999.9999", "-999999999999999.9999", "12.5", "+7", "-0", "1e3",
			"007.10",
		}
	case t.Kind() == reflect.Pointer:
		return wrapped(reflect.Zero(t).Interface(), edges(t.Elem(), decimal, known), func(v reflect.Value) any {
			p := reflect.New(t.Elem())
			p.Elem().Set(v)
			return p.Interface()
		})
	case t.PkgPath() == "database/sql":
		return wrapped(reflect.Zero(t).Interface(), edges(t.Field(0).Type, decimal, known), func(v reflect.Value) any {
			n := reflect.New(t).Elem()
			n.Field(0).Set(v)
			n.Field(1).SetBool(true)
			return n.Interface()
		})
	}
	return kindEdges(t)
}

// wrapped puts each value into a pointer or an sql.Null, and NULL before them.
func wrapped(null any, values []any, wrap func(reflect.Value) any) []any {
	list := []any{null}
	for _, v := range values {
		list = append(list, wrap(reflect.ValueOf(v)))
	}
	return list
}

// kindEdges returns the values at which a kind of field is most often stored wrongly: the ends of its range, the signs
// of zero, text that a server might fold, cut or escape.
func kindEdges(t reflect.Type) []any {
	of := func(values ...any) []any {
		list := make([]any, len(values))
		for i, v := range values {
			list[i] = reflect.ValueOf(v).Convert(t).Interface()
		}
		return list
	}
	switch t.Kind() {
	case reflect.Bool:
		return of(false, true)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		least := int64(-1) << (t.Bits() - 1)
		return of(int64(0), int64(1), int64(-1), least, -(least + 1))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		most := min(uint64(math.MaxInt64), uint64(math.MaxUint64)>>(64-t.Bits()))
		return of(uint64(0), uint64(1), most)
	case reflect.Float32:
		return of(
			0.0, math.Copysign(0, -1), float32(0.1), math.MaxFloat32, -math.MaxFloat32, math.SmallestNonzeroFloat32,
			16777217.0,
		)
	case reflect.Float64:
		return of(
			0.0, math.Copysign(0, -1), 0.1, -1.5, math.MaxFloat64, -math.MaxFloat64, 2.3e-308, math.Pi, float64(1<<53),
			1e15+0.3,
		)
	case reflect.String:
		return of(
			"", "a", " leading and trailing ", "ß Ä é e\u0301 ﬁ", "日本語", "😀👩‍👩‍👧🏴", "\t\r\n\x01\x7f", `'"\;--%_`,
			strings.Repeat("😀", 100), "\uFFFD\uFEFF\u2028",
		)
	case reflect.Slice:
		every := make([]byte, 256)
		for i := range every {
			every[i] = byte(i)
		}
		return of([]byte(nil), []byte{}, []byte{0}, []byte("text"), every)
	}
	panic("storetest: no edges of " + t.String())
}

var (
	last    = time.Date(9999, 12, 31, 23, 59, 59, 999999999, time.UTC)
	smallUp = time.Date(2016, 2, 29, 23, 59, 59, 999999999, time.UTC)
	moments = []any{
		time.Time{},
		kickoff, kickoff.In(leicester), last, smallUp, time.Unix(0, 0), time.Unix(-1, 1),
		time.Date(1, 1, 1, 0, 0, 0, 1, time.UTC), time.Date(1900, 3, 1, 4, 5, 6, 7, leicester),
	}
)

// knownEdges are those of the types that are more than their kind. They are made anew for each test: a write cuts the
// times that hang on an entity, and two tests run at once.
func knownEdges() map[reflect.Type][]any {
	grounds1 := ground{Name: "", Stands: nil, Opened: time.Time{}}
	grounds2 := ground{Name: `"😀\` + "\n", Stands: []string{}, Opened: kickoff.In(leicester)}
	grounds3 := ground{Name: "x", Stands: []string{"", "b"}, Opened: last}
	return map[reflect.Type][]any{
		reflect.TypeFor[time.Time](): moments,
		reflect.TypeFor[moment]():    {moment{}, moment(kickoff), moment(last), moment(smallUp.In(leicester))},
		reflect.TypeFor[uuid]():      {uuid{}, uuid{1}, uuid{15: 1}, uuid{0: 255, 6: 0x40, 8: 0x80, 15: 255}},
		reflect.TypeFor[[12]byte]():  {[12]byte{}, [12]byte{11: 1}, [12]byte{0: 255, 5: 39, 6: 92, 11: 255}},
		reflect.TypeFor[[32]byte]():  {[32]byte{}, [32]byte{31: 1}, [32]byte{0: 255}},
		reflect.TypeFor[amount](): {
			amount{},
			entity.AmountOf(1), entity.AmountOf(-1), entity.AmountOf(math.MaxInt64),
			entity.AmountOf(math.MinInt64 + 1), entity.AmountOf(125_000),
		},
		reflect.TypeFor[points](): {
			points{},
			entity.PointsOf(1), entity.PointsOf(-1), entity.PointsOf(math.MaxInt64),
			entity.PointsOf(math.MinInt64),
		},
		reflect.TypeFor[code]():     {code{}, code{"a"}, code{"😀 "}, code{`'"\`}},
		reflect.TypeFor[instant]():  {instant{}, instant{kickoff}, instant{last}, instant{smallUp}},
		reflect.TypeFor[ground]():   {grounds1, grounds2, grounds3},
		reflect.TypeFor[[]ground](): {[]ground(nil), []ground{}, []ground{grounds2, grounds1, grounds3}},
		reflect.TypeFor[map[string]*ground](): {
			map[string]*ground(nil),
			map[string]*ground{},
			map[string]*ground{"a": {Opened: kickoff}, "": nil, "b c": pointer(grounds2), "ß😀": pointer(grounds3)},
		},
		reflect.TypeFor[map[int64]string](): {
			map[int64]string(nil), map[int64]string{}, map[int64]string{0: "", -1: "minus", math.MaxInt64: "most"},
		},
		reflect.TypeFor[[2]int64](): {[2]int64{}, [2]int64{math.MinInt64, math.MaxInt64}},
		reflect.TypeFor[[]string](): {
			[]string(nil), []string{}, []string{""}, []string{"b", "a", "b", "😀", `\"`},
		},
		reflect.TypeFor[map[string][]string](): {
			map[string][]string(nil), map[string][]string{}, map[string][]string{"a": nil, "b": {}, "c": {"x", ""}},
		},
		reflect.TypeFor[*tree](): {
			(*tree)(nil),
			&tree{},
			&tree{
				Label: "root", Size: -0.1, Count: pointer(int64(math.MaxInt64)), Bytes: []byte{0, 255}, Made: kickoff,
				Kids: []*tree{nil, {Label: "kid", Bytes: []byte{}, Kids: []*tree{{Size: math.MaxFloat64, Made: last}}}},
			},
		},
	}
}

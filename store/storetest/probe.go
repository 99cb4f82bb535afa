package storetest

import (
	"bytes"
	"cmp"
	"database/sql"
	sqldriver "database/sql/driver"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/stillframe/stillframe/store"
)

// probe has a field of every kind that can be compared, with and without NULL.
type probe struct {
	store.Snapshot `bson:",inline"`

	ID       int64             `db:"id" bson:"_id" store:"key"`
	Flag     bool              `db:"flag" bson:"flag"`
	FlagN    *bool             `db:"flag_n" bson:"flag_n"`
	Num      int32             `db:"num" bson:"num"`
	NumN     *int64            `db:"num_n" bson:"num_n"`
	Level    level             `db:"level" bson:"level"`
	Pos      uint16            `db:"pos" bson:"pos"`
	PosN     sql.Null[uint64]  `db:"pos_n" bson:"pos_n"`
	Real     float64           `db:"real_v" bson:"real_v"`
	RealN    sql.Null[float64] `db:"real_n" bson:"real_n"`
	Text     string            `db:"text_v" bson:"text_v" store:"size=40"`
	TextN    *string           `db:"text_n" bson:"text_n" store:"size=40"`
	Null     sql.NullString    `db:"null_v" bson:"null_v" store:"size=40"`
	Data     []byte            `db:"data" bson:"data" store:"size=20"`
	UUID     uuid              `db:"uuid_v" bson:"uuid_v"`
	UUIDN    *uuid             `db:"uuid_n" bson:"uuid_n"`
	Hash     [12]byte          `db:"hash" bson:"hash"`
	At       time.Time         `db:"at_v" bson:"at_v"`
	AtN      sql.NullTime      `db:"at_n" bson:"at_n"`
	Price    string            `db:"price" bson:"price" store:"decimal=19.4"`
	PriceN   *string           `db:"price_n" bson:"price_n" store:"decimal=19.4"`
	Money    amount            `db:"money" bson:"money" store:"decimal=19.4"`
	Points   points            `db:"points" bson:"points"`
	PointsN  *points           `db:"points_n" bson:"points_n"`
	Comment  []string          `db:"comment_v" bson:"comment_v" store:"json"`
	Readonly string            `db:"-" bson:"-"`
}

type (
	// level is an integer under a name of its own.
	level int8
	// uuid is any [16]byte type.
	uuid [16]byte
	// amount is a decimal number with Value and Scan, and without exported fields.
	amount struct{ ten4 int64 }
	// points is an integer with Value and Scan, and without exported fields.
	points struct{ n int64 }
)

func (a amount) text() string {
	sign := ""
	if a.ten4 < 0 {
		sign, a.ten4 = "-", -a.ten4
	}
	return fmt.Sprintf("%s%d.%04d", sign, a.ten4/10_000, a.ten4%10_000)
}

// Value implements driver.Valuer.
func (a amount) Value() (sqldriver.Value, error) { return a.text(), nil }

// Scan implements sql.Scanner.
func (a *amount) Scan(src any) error {
	text, ok := src.(string)
	if b, isBytes := src.([]byte); isBytes {
		text, ok = string(b), true
	}
	if src == nil {
		*a = amount{}
		return nil
	}
	whole, fraction, _ := strings.Cut(strings.TrimPrefix(text, "-"), ".")
	n, err := strconv.ParseInt(whole+(fraction + "0000")[:4], 10, 64)
	if !ok || err != nil {
		return fmt.Errorf("no amount in a %T", src)
	}
	if strings.HasPrefix(text, "-") {
		n = -n
	}
	a.ten4 = n
	return nil
}

// Value implements driver.Valuer.
func (p points) Value() (sqldriver.Value, error) { return p.n, nil }

// Scan implements sql.Scanner.
func (p *points) Scan(src any) error {
	switch n := src.(type) {
	case nil:
		p.n = 0
	case int64:
		p.n = n
	case []byte:
		var err error
		p.n, err = strconv.ParseInt(string(n), 10, 64)
		return err
	default:
		return fmt.Errorf("no points in a %T", src)
	}
	return nil
}

// column is a comparable field of probe, as the oracle sees it. A nil value is NULL.
type column struct {
	name     string
	nullable bool
	ordered  bool
	text     bool
	pool     []any // without NULL
	get      func(p *probe) any
	set      func(p *probe, value any)
	compare  func(a, b any) int
}

func plainColumn[V any](name string, compare func(a, b V) int, at func(p *probe) *V, pool ...V) column {
	c := column{name: name, ordered: true}
	c.get = func(p *probe) any { return *at(p) }
	c.set = func(p *probe, value any) { *at(p) = value.(V) }
	fill(&c, pool, compare)
	return c
}

func pointerColumn[V any](name string, compare func(a, b V) int, at func(p *probe) **V, pool ...V) column {
	c := column{name: name, ordered: true, nullable: true}
	c.get = func(p *probe) any {
		if *at(p) == nil {
			return nil
		}
		return **at(p)
	}
	c.set = func(p *probe, value any) {
		*at(p) = nil
		if value != nil {
			*at(p) = pointer(value.(V))
		}
	}
	fill(&c, pool, compare)
	return c
}

// nullColumn is a column whose NULL is a flag beside the value.
func nullColumn[V any](name string, compare func(a, b V) int, at func(p *probe) (*V, *bool), pool ...V) column {
	c := column{name: name, ordered: true, nullable: true}
	c.get = func(p *probe) any {
		value, valid := at(p)
		if !*valid {
			return nil
		}
		return *value
	}
	c.set = func(p *probe, given any) {
		value, valid := at(p)
		var none V
		*value, *valid = none, given != nil
		if given != nil {
			*value = given.(V)
		}
	}
	fill(&c, pool, compare)
	return c
}

func fill[V any](c *column, pool []V, compare func(a, b V) int) {
	for _, v := range pool {
		c.pool = append(c.pool, v)
	}
	c.compare = func(a, b any) int { return compare(a.(V), b.(V)) }
}

func compareBools(a, b bool) int { return cmp.Compare(fmt.Sprint(a), fmt.Sprint(b)) } // "false" < "true"

func compareDecimals(a, b string) int {
	var x, y amount
	if x.Scan(a) != nil || y.Scan(b) != nil {
		panic("a decimal of the pool is none")
	}
	return cmp.Compare(x.ten4, y.ten4)
}

// texts are strings that collations and patterns treat in ways of their own.
var texts = []string{
	"", "a", "A", "ab", "á", "a\u0301", "a ", " a", "a%b", "a_b", "a[b]c", `a\b`, `\`, "%", "_", "'", `"`, "''; --", "ß", "ss", "z", "Z",
	"10", "9", "é", "日本", "\uFFFD", "😀", "😀😀", "👩‍👩‍👧", "$a", "{a}", "a.b", "null", "NULL", "\t", "a\nb",
}

// columns are the comparable fields, with values on which this backend is bound to agree.
func columns(e *env) []column {
	allowed := slices.DeleteFunc(slices.Clone(texts), func(s string) bool { return !e.comparable(s) })
	times := []time.Time{{}, e.cut(kickoff), e.cut(kickoff).Add(e.info.TimePrecision), clockStart, time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)}
	decimals := []string{"0.0000", "-0.0001", "0.0001", "10.0000", "9.5000", "-10.2500", "922337203685477.5807"}
	uuids := []uuid{{}, {1}, {15: 1}, {255}, {0, 0, 0, 0, 9}, {8: 200}}
	all := []column{
		plainColumn("ID", cmp.Compare, func(p *probe) *int64 { return &p.ID }, 1, 2, 20, 39, 1000),
		plainColumn("Flag", compareBools, func(p *probe) *bool { return &p.Flag }, false, true),
		pointerColumn("FlagN", compareBools, func(p *probe) **bool { return &p.FlagN }, false, true),
		plainColumn("Num", cmp.Compare, func(p *probe) *int32 { return &p.Num }, 0, 1, -1, math.MaxInt32, math.MinInt32),
		pointerColumn("NumN", cmp.Compare, func(p *probe) **int64 { return &p.NumN }, 0, 1, -1, math.MaxInt64, math.MinInt64, 1<<53+1),
		plainColumn("Level", cmp.Compare, func(p *probe) *level { return &p.Level }, 0, 1, -1, 127, -128),
		plainColumn("Pos", cmp.Compare, func(p *probe) *uint16 { return &p.Pos }, 0, 1, 65535),
		nullColumn("PosN", cmp.Compare, func(p *probe) (*uint64, *bool) { return &p.PosN.V, &p.PosN.Valid }, 0, 1, math.MaxInt64),
		plainColumn("Real", cmp.Compare, func(p *probe) *float64 { return &p.Real }, 0, 0.1, -0.1, 1e300, -1e300, 3e-308, 1<<53),
		nullColumn("RealN", cmp.Compare, func(p *probe) (*float64, *bool) { return &p.RealN.V, &p.RealN.Valid }, 0, 0.5, -2, 3),
		plainColumn("Text", cmp.Compare, func(p *probe) *string { return &p.Text }, allowed...),
		pointerColumn("TextN", cmp.Compare, func(p *probe) **string { return &p.TextN }, allowed...),
		nullColumn("Null", cmp.Compare, func(p *probe) (*string, *bool) { return &p.Null.String, &p.Null.Valid }, "", "a", "b", "bb"),
		plainColumn("UUID", func(a, b uuid) int { return bytes.Compare(a[:], b[:]) }, func(p *probe) *uuid { return &p.UUID }, uuids...),
		pointerColumn("UUIDN", func(a, b uuid) int { return bytes.Compare(a[:], b[:]) }, func(p *probe) **uuid { return &p.UUIDN }, uuids...),
		plainColumn("Hash", func(a, b [12]byte) int { return bytes.Compare(a[:], b[:]) }, func(p *probe) *[12]byte { return &p.Hash }, [12]byte{}, [12]byte{1}, [12]byte{11: 1}, [12]byte{255}),
		plainColumn("At", time.Time.Compare, func(p *probe) *time.Time { return &p.At }, times...),
		nullColumn("AtN", time.Time.Compare, func(p *probe) (*time.Time, *bool) { return &p.AtN.Time, &p.AtN.Valid }, times...),
		plainColumn("Price", compareDecimals, func(p *probe) *string { return &p.Price }, decimals...),
		pointerColumn("PriceN", compareDecimals, func(p *probe) **string { return &p.PriceN }, decimals...),
		plainColumn("Money", func(a, b amount) int { return cmp.Compare(a.ten4, b.ten4) }, func(p *probe) *amount { return &p.Money }, amount{}, amount{1}, amount{-1}, amount{95_000}, amount{100_000}),
		plainColumn("Points", func(a, b points) int { return cmp.Compare(a.n, b.n) }, func(p *probe) *points { return &p.Points }, points{}, points{9}, points{10}, points{-1}),
		pointerColumn("PointsN", func(a, b points) int { return cmp.Compare(a.n, b.n) }, func(p *probe) **points { return &p.PointsN }, points{}, points{9}, points{10}),
	}
	data := column{
		name: "Data", nullable: true, pool: []any{[]byte{}, []byte{0}, []byte{1, 2}, []byte("a"), []byte("A")},
		get: func(p *probe) any {
			if p.Data == nil {
				return nil
			}
			return p.Data
		},
		set: func(p *probe, value any) {
			p.Data = nil
			if value != nil {
				p.Data = value.([]byte)
			}
		},
		compare: func(a, b any) int { return bytes.Compare(a.([]byte), b.([]byte)) },
	}
	for i := range all {
		all[i].text = all[i].name == "Text" || all[i].name == "TextN" || all[i].name == "Null"
		if !e.info.UUIDOrder && (all[i].name == "UUID" || all[i].name == "UUIDN") {
			all[i].ordered = false // left out of what the oracle sorts and ranges over
		}
	}
	return append(all, data)
}

// comparable reports whether this backend says that it compares the string by code point.
func (e *env) comparable(s string) bool {
	if !e.info.TrailingSpaces && strings.HasSuffix(s, " ") {
		return false
	}
	if !e.info.CodePointOrder && strings.ContainsFunc(s, func(r rune) bool { return r > 0xFFFF }) {
		return false
	}
	return true
}

// probes are n rows with values from the pools, many of them equal and many NULL.
func probes(all []column, n int, random *rand.Rand) []probe {
	rows := make([]probe, n)
	for i := range rows {
		rows[i].ID = int64(i + 1)
		for _, c := range all {
			if c.name == "ID" {
				continue
			}
			if c.nullable && random.IntN(3) == 0 {
				c.set(&rows[i], nil)
				continue
			}
			c.set(&rows[i], c.pool[random.IntN(len(c.pool))])
		}
	}
	return rows
}

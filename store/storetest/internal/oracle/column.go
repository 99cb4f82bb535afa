package oracle

import (
	"bytes"
	"cmp"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/storetest/internal/entity"
)

// Column is a comparable field of [Probe], as the oracle sees it. A nil value is NULL.
type Column struct {
	// Name is the name of the field.
	Name string
	// Nullable says that the field can be NULL.
	Nullable bool
	// Ordered says that a query can sort by the field, and ask for a range of it.
	Ordered bool
	// Pool are values on which every backend is bound to agree with Go, without NULL.
	Pool []any
	// Get returns the field's value.
	Get func(p *Probe) any

	set     func(p *Probe, value any)
	compare func(a, b any) int
	isText  bool
}

// plainColumn is a column that cannot be NULL.
func plainColumn[V any](name string, compare func(a, b V) int, at func(p *Probe) *V, pool ...V) Column {
	c := Column{Name: name, Ordered: true}
	c.Get = func(p *Probe) any { return *at(p) }
	c.set = func(p *Probe, value any) { *at(p) = value.(V) }
	fill(&c, pool, compare)
	return c
}

// pointerColumn is a column whose NULL is a nil pointer.
func pointerColumn[V any](name string, compare func(a, b V) int, at func(p *Probe) **V, pool ...V) Column {
	c := Column{Name: name, Ordered: true, Nullable: true}
	c.Get = func(p *Probe) any {
		if *at(p) == nil {
			return nil
		}
		return **at(p)
	}
	c.set = func(p *Probe, value any) {
		*at(p) = nil
		if value != nil {
			v := value.(V)
			*at(p) = &v
		}
	}
	fill(&c, pool, compare)
	return c
}

// nullColumn is a Column whose NULL is a flag beside the value.
func nullColumn[V any](name string, compare func(a, b V) int, at func(p *Probe) (*V, *bool), pool ...V) Column {
	c := Column{Name: name, Ordered: true, Nullable: true}
	c.Get = func(p *Probe) any {
		value, valid := at(p)
		if !*valid {
			return nil
		}
		return *value
	}
	c.set = func(p *Probe, given any) {
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

func fill[V any](c *Column, pool []V, compare func(a, b V) int) {
	for _, v := range pool {
		c.Pool = append(c.Pool, v)
	}
	c.compare = func(a, b any) int { return compare(a.(V), b.(V)) }
}

// compareBools puts false before true.
func compareBools(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

func compareUUIDs(a, b entity.UUID) int { return bytes.Compare(a[:], b[:]) }

func compareHashes(a, b [12]byte) int { return bytes.Compare(a[:], b[:]) }

func compareAmounts(a, b entity.Amount) int { return cmp.Compare(a.Ten4(), b.Ten4()) }

func comparePoints(a, b entity.Points) int { return cmp.Compare(a.Count(), b.Count()) }

func compareDecimals(a, b string) int {
	var x, y entity.Amount
	if x.Scan(a) != nil || y.Scan(b) != nil {
		panic("a decimal of the pool is none")
	}
	return cmp.Compare(x.Ten4(), y.Ten4())
}

// texts are strings that collations and patterns treat in ways of their own.
var texts = []string{
	"", "a", "A", "ab", "á", "a\u0301", "a ", " a", "a%b", "a_b", "a[b]c", `a\b`, `\`, "%", "_", "'", `"`, "''; --",
	"ß", "ss", "z", "Z",
	"10", "9", "é", "日本", "\uFFFD", "😀", "😀😀", "👩‍👩‍👧", "$a", "{a}", "a.b", "null", "NULL", "\t", "a\nb",
}

// Columns are the comparable fields, with values on which a backend with this Info is bound to agree.
func Columns(info store.Info) []Column {
	allowed := slices.DeleteFunc(slices.Clone(texts), func(s string) bool { return !Comparable(info, s) })
	cut := entity.Kickoff.Truncate(info.TimePrecision)
	times := []time.Time{
		{},
		cut, cut.Add(info.TimePrecision), time.Date(2016, time.January, 1, 0, 0, 0, 0, time.UTC),
		time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC),
	}
	decimals := []string{"0.0000", "-0.0001", "0.0001", "10.0000", "9.5000", "-10.2500", "922337203685477.5807"}
	uuids := []entity.UUID{{}, {1}, {15: 1}, {255}, {0, 0, 0, 0, 9}, {8: 200}}
	hashes := [][12]byte{{}, {1}, {11: 1}, {255}}
	amounts := []entity.Amount{
		{}, entity.AmountOf(1), entity.AmountOf(-1), entity.AmountOf(95_000), entity.AmountOf(100_000),
	}
	points := []entity.Points{{}, entity.PointsOf(9), entity.PointsOf(10), entity.PointsOf(-1)}
	all := []Column{
		plainColumn("ID", cmp.Compare, func(p *Probe) *int64 { return &p.ID }, 1, 2, 20, 39, 1000),
		plainColumn("Flag", compareBools, func(p *Probe) *bool { return &p.Flag }, false, true),
		pointerColumn("FlagN", compareBools, func(p *Probe) **bool { return &p.FlagN }, false, true),
		plainColumn(
			"Num", cmp.Compare, func(p *Probe) *int32 { return &p.Num }, 0, 1, -1, math.MaxInt32, math.MinInt32,
		),
		pointerColumn(
			"NumN", cmp.Compare, func(p *Probe) **int64 { return &p.NumN }, 0, 1, -1, math.MaxInt64, math.MinInt64,
			1<<53+1,
		),
		plainColumn("Level", cmp.Compare, func(p *Probe) *entity.Level { return &p.Level }, 0, 1, -1, 127, -128),
		plainColumn("Pos", cmp.Compare, func(p *Probe) *uint16 { return &p.Pos }, 0, 1, 65535),
		nullColumn(
			"PosN", cmp.Compare, func(p *Probe) (*uint64, *bool) { return &p.PosN.V, &p.PosN.Valid }, 0, 1,
			math.MaxInt64,
		),
		plainColumn(
			"Real", cmp.Compare, func(p *Probe) *float64 { return &p.Real }, 0, 0.1, -0.1, 1e300, -1e300, 3e-308, 1<<53,
		),
		nullColumn(
			"RealN", cmp.Compare, func(p *Probe) (*float64, *bool) { return &p.RealN.V, &p.RealN.Valid }, 0, 0.5, -2, 3,
		),
		plainColumn("Text", cmp.Compare, func(p *Probe) *string { return &p.Text }, allowed...),
		pointerColumn("TextN", cmp.Compare, func(p *Probe) **string { return &p.TextN }, allowed...),
		nullColumn(
			"Null", cmp.Compare, func(p *Probe) (*string, *bool) { return &p.Null.String, &p.Null.Valid }, "", "a", "b",
			"bb",
		),
		plainColumn("UUID", compareUUIDs, func(p *Probe) *entity.UUID { return &p.UUID }, uuids...),
		pointerColumn("UUIDN", compareUUIDs, func(p *Probe) **entity.UUID { return &p.UUIDN }, uuids...),
		plainColumn("Hash", compareHashes, func(p *Probe) *[12]byte { return &p.Hash }, hashes...),
		plainColumn("At", time.Time.Compare, func(p *Probe) *time.Time { return &p.At }, times...),
		nullColumn("AtN", time.Time.Compare, func(p *Probe) (*time.Time, *bool) {
			return &p.AtN.Time, &p.AtN.Valid
		}, times...),
		plainColumn("Price", compareDecimals, func(p *Probe) *string { return &p.Price }, decimals...),
		pointerColumn("PriceN", compareDecimals, func(p *Probe) **string { return &p.PriceN }, decimals...),
		plainColumn("Money", compareAmounts, func(p *Probe) *entity.Amount { return &p.Money }, amounts...),
		plainColumn("Points", comparePoints, func(p *Probe) *entity.Points { return &p.Points }, points...),
		pointerColumn("PointsN", comparePoints, func(p *Probe) **entity.Points { return &p.PointsN }, points[:3]...),
	}
	data := Column{
		Name: "Data", Nullable: true, Pool: []any{[]byte{}, []byte{0}, []byte{1, 2}, []byte("a"), []byte("A")},
		Get: func(p *Probe) any {
			if p.Data == nil {
				return nil
			}
			return p.Data
		},
		set: func(p *Probe, value any) {
			p.Data = nil
			if value != nil {
				p.Data = value.([]byte)
			}
		},
		compare: func(a, b any) int { return bytes.Compare(a.([]byte), b.([]byte)) },
	}
	for i := range all {
		all[i].isText = all[i].Name == "Text" || all[i].Name == "TextN" || all[i].Name == "Null"
		if !info.UUIDOrder && (all[i].Name == "UUID" || all[i].Name == "UUIDN") {
			all[i].Ordered = false // left out of what the oracle sorts and ranges over
		}
	}
	return append(all, data)
}

// Comparable reports whether a backend with this Info says that it compares the string by code point.
func Comparable(info store.Info, s string) bool {
	if !info.TrailingSpaces && strings.HasSuffix(s, " ") {
		return false
	}
	if !info.CodePointOrder && strings.ContainsFunc(s, func(r rune) bool { return r > 0xFFFF }) {
		return false
	}
	return true
}

// ColumnOf returns the column of a field.
func ColumnOf(all []Column, name string) Column {
	return all[slices.IndexFunc(all, func(c Column) bool { return c.Name == name })]
}

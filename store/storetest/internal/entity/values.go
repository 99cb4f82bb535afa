package entity

import (
	sqldriver "database/sql/driver"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Kickoff is a moment with a fraction that every backend must cut.
var Kickoff = time.Date(2016, time.May, 2, 20, 0, 31, 123456789, time.UTC)

type (
	// Level is an integer under a name of its own.
	Level int8
	// UUID is any [16]byte type.
	UUID [16]byte
	// Amount is a decimal number with Value and Scan, and without exported fields.
	Amount struct{ ten4 int64 }
	// Points is an integer with Value and Scan, and without exported fields.
	Points struct{ n int64 }
)

// AmountOf returns the amount of so many ten thousandths.
func AmountOf(ten4 int64) Amount { return Amount{ten4} }

// Ten4 returns the amount in ten thousandths, by which amounts compare.
func (a Amount) Ten4() int64 { return a.ten4 }

// Value implements driver.Valuer.
func (a Amount) Value() (sqldriver.Value, error) {
	sign := ""
	if a.ten4 < 0 {
		sign, a.ten4 = "-", -a.ten4
	}
	return fmt.Sprintf("%s%d.%04d", sign, a.ten4/10_000, a.ten4%10_000), nil
}

// Scan implements sql.Scanner.
func (a *Amount) Scan(src any) error {
	text, ok := src.(string)
	if b, isBytes := src.([]byte); isBytes {
		text, ok = string(b), true
	}
	if src == nil {
		*a = Amount{}
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

// PointsOf returns n points.
func PointsOf(n int64) Points { return Points{n} }

// Count returns the number of the points, by which they compare.
func (p Points) Count() int64 { return p.n }

// Value implements driver.Valuer.
func (p Points) Value() (sqldriver.Value, error) { return p.n, nil }

// Scan implements sql.Scanner.
func (p *Points) Scan(src any) error {
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

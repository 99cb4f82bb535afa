package sqldb

import (
	"fmt"

	"github.com/stillframe/stillframe/store/driver"
)

// The misfits that Schema.Misfit has the same words for on every server.

// OtherKind is the misfit of a column of a type that cannot hold what the mapping stores.
func OtherKind(f *driver.Field, c *LiveColumn) []Misfit {
	return OfReads(Mustf(Change{}, "it is %s, and the mapping stores %s in it: map what it holds, or a column of its "+
		"own",
		c.Definition, f.Type))
}

// IntegerType is an integer type of a server, and the bits of the numbers that it holds.
type IntegerType struct {
	Bits int
	Name string
}

// NarrowInteger is the misfit of a column that holds fewer bits than an integer field needs. types are the server's,
// the least one first.
func NarrowInteger(f *driver.Field, c *LiveColumn, need int, types []IntegerType) []Misfit {
	if c.ForeignKey != "" {
		return Weakerf(Change{}, "it is %s, and the mapping stores %s in it: what is beyond it is refused, as by its "+
			"foreign key %s", c.Definition, f.Type, c.ForeignKey)
	}
	wide := types[len(types)-1].Name
	for i := range types {
		if types[i].Bits >= need {
			wide = types[i].Name
			break
		}
	}
	return Mustf(Change{Type: wide}, "it is %s, and the mapping stores %s in it: what is beyond it is refused; after "+
		"the fix other programs may meet larger numbers", c.Definition, f.Type)
}

// RoundsFloats is the misfit of a column of decimals or integers under a float.
func RoundsFloats(f *driver.Field, c *LiveColumn) []Misfit {
	return Mustf(Change{}, "it is %s, which rounds the mapping's %s without an error: map a decimal or an integer, as "+
		"it holds, or a column of its own", c.Definition, f.Type)
}

// SingleFloat is the misfit of a column of 32-bit floats under a float64. wide is the server's type for that.
func SingleFloat(c *LiveColumn, wide string) []Misfit {
	return Mustf(Change{Type: wide}, "it is %s, which rounds float64 to about 7 digits without an error; after the "+
		"fix other programs meet all digits, and what is stored stays as it was rounded", c.Definition)
}

// FloatOfDecimals is the misfit of a column of floats, which hold a number of decimal digits exactly, under a decimal.
func FloatOfDecimals(f *driver.Field, c *LiveColumn, digits int) []Misfit {
	if f.Precision <= digits {
		return Weakerf(Change{}, "it is %s, which stores the nearest binary number: each decimal comes back as it "+
			"was, but what the server adds up or compares may not; a DECIMAL column beside it is exact", c.Definition)
	}
	return Mustf(Change{}, "it is %s, which rounds decimals of %d digits without an error: add a DECIMAL column, or "+
		"map a float", c.Definition, f.Precision)
}

// WholeDecimals is the misfit of a column of integers under a decimal with digits after the point.
func WholeDecimals(c *LiveColumn) []Misfit {
	return Mustf(Change{}, "it is %s, which rounds to whole numbers without an error: map an integer, or a column of "+
		"its own", c.Definition)
}

// DecimalDigits are the misfits of a column of decimals that has fewer digits than the mapping, or more behind the
// point. name is the server's name for the type, most the most digits that it has.
func DecimalDigits(f *driver.Field, c *LiveColumn, name string, most int64) []Misfit {
	whole, scale := int64(f.Precision-f.Scale), int64(f.Scale)
	var found []Misfit
	if whole > c.Precision-c.Scale || scale > c.Scale {
		const problem = "it is %s, and the mapping has %d digits before the point and %d behind it: more before it " +
			"are refused, and more behind it rounded without an error"
		widest := max(scale, c.Scale)
		digits := max(whole, c.Precision-c.Scale) + widest
		if digits <= most {
			change := Change{Type: fmt.Sprintf("%s(%d, %d)", name, digits, widest)}
			found = Mustf(change, problem+"; after the fix other programs meet more digits", c.Definition, whole, scale)
		} else {
			found = Mustf(Change{}, problem+", and no type holds both: map a column of its own",
				c.Definition, whole, scale)
		}
	}
	if c.Scale > scale {
		found = append(found, OfReads(Weakerf(Change{}, "it is %s: a row with more digits after the point than the "+
			"mapping has cannot be read; map them", c.Definition))...)
	}
	return found
}

// CutsTimeOfDay is the misfit of a column of dates.
func CutsTimeOfDay() []Misfit {
	return Mustf(Change{}, "it is DATE, which cuts the time of day off without an error: map a column of its own")
}

// RoundsTimes is the misfit of a column of times with fewer digits of a second than the mapping. wide is a type with
// enough.
func RoundsTimes(c *LiveColumn, digits int64, wide string) []Misfit {
	return Mustf(Change{Type: wide}, "it is %s, which rounds times to %d digits of a second without an error; after "+
		"the fix other programs meet the digits", c.Definition, digits)
}

// FillsWithZeros is the misfit of a column of bytes of one length. wide is a type that does not fill up.
func FillsWithZeros(c *LiveColumn, wide string) []Misfit {
	return Mustf(Change{Type: wide}, "it is %s, which fills up with zeros; after the fix other programs may meet "+
		"fewer bytes", c.Definition)
}

// content is how many bytes a column must hold for a mapping without a bound to be content with it.
const content = 1<<24 - 1

// TooShort is the misfit of a column that holds fewer bytes or characters, by the word unit, than the mapping needs, 0
// where that has no bound. wide is a type that is wide enough, empty where there is none.
func TooShort(need, have int64, unit string, c *LiveColumn, wide string) []Misfit {
	change := Change{Type: wide}
	switch {
	case need == 0 && have < content && wide == "":
		return Weakerf(Change{}, "it is %s, which refuses more than %d %s, and the mapping has no bound: tag the "+
			"field size=%[2]d, which says so before anything is sent", c.Definition, have, unit)
	case need == 0 && have < content:
		return Weakerf(change, "it is %s, which refuses more than %d %s, and the mapping has no bound; after the fix "+
			"other programs may meet more", c.Definition, have, unit)
	case need <= have:
		return nil
	case c.ForeignKey != "":
		return Weakerf(Change{}, "it is %s, which refuses more than %d %s, as its foreign key %s does, and the "+
			"mapping allows %d", c.Definition, have, unit, c.ForeignKey, need)
	}
	return Mustf(change, "it is %s, which refuses more than %d %s, and the mapping allows %d; after the fix other "+
		"programs may meet more", c.Definition, have, unit, need)
}

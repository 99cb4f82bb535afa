package driver_test

import (
	"math/big"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store/driver"
)

func TestCanonicalDecimal(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, text string
		precision  int
		scale      int
		want       string
		wantErr    string
	}{
		{"Plain", "12.5", 6, 2, "12.50", ""},
		{"Whole", "12", 6, 2, "12.00", ""},
		{"NoFraction", "12", 6, 0, "12", ""},
		{"TrailingZeros", "1.5000", 6, 2, "1.50", ""},
		{"LeadingZeros", "000012.50", 6, 2, "12.50", ""},
		{"Negative", "-0.5", 6, 2, "-0.50", ""},
		{"NegativeZero", "-0.00", 6, 2, "0.00", ""},
		{"Plus", "+3", 6, 2, "3.00", ""},
		{"PointFirst", ".5", 6, 2, "0.50", ""},
		{"PointLast", "5.", 6, 2, "5.00", ""},
		{"Exponent", "1.25e2", 6, 2, "125.00", ""},
		{"NegativeExponent", "125e-2", 6, 2, "1.25", ""},
		{"DeepExponent", "1e-5", 8, 5, "0.00001", ""},
		{"AllDigits", "9999.99", 6, 2, "9999.99", ""},
		{"TooLarge", "10000", 6, 2, "", "before the point"},
		{"TooFine", "0.001", 6, 2, "", "after the point"},
		{"Empty", "", 6, 2, "", "not a decimal"},
		{"Point", ".", 6, 2, "", "not a decimal"},
		{"Sign", "-", 6, 2, "", "not a decimal"},
		{"TwoSigns", "--1", 6, 2, "", "not a decimal"},
		{"NaN", "NaN", 6, 2, "", "not a decimal"},
		{"Space", " 1", 6, 2, "", "not a decimal"},
		{"Hex", "0x10", 6, 2, "", "not a decimal"},
		{"HugeExponent", "1e999999999", 6, 2, "", "not a decimal"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := driver.CanonicalDecimal(tt.text, tt.precision, tt.scale)
			if tt.wantErr != "" {
				require.ErrorContains(t, err, tt.wantErr)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, tt.want, got)
		})
	}
}

// A canonical decimal is the same number, is its own canonical form, and has the promised digits.
func FuzzCanonicalDecimal(f *testing.F) {
	for _, seed := range []string{"12.5", "-0", "1e3", "1.25E-2", ".5", "99999999999999999999.9"} {
		f.Add(seed, uint8(19), uint8(4))
	}
	f.Fuzz(func(t *testing.T, text string, precision, scale uint8) {
		if scale > precision || precision == 0 {
			t.Skip("not a decimal's type")
		}
		got, err := driver.CanonicalDecimal(text, int(precision), int(scale))
		if err != nil {
			return
		}
		again, err := driver.CanonicalDecimal(got, int(precision), int(scale))
		require.NoError(t, err)
		assert.Equal(t, got, again)
		_, fraction, _ := strings.Cut(got, ".")
		assert.Len(t, fraction, int(scale))
		want, ok := new(big.Rat).SetString(text)
		require.True(t, ok, "%q is no number to math/big", text)
		have, ok := new(big.Rat).SetString(got)
		require.True(t, ok)
		assert.Zero(t, want.Cmp(have))
	})
}

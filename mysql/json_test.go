package mysql

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"testing"

	mysqldriver "github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/internal/testbed"
)

// TestStoredJSON asks the server what it makes of JSON, and compares: values at the edges of its forms, and some of
// random bits.
func TestStoredJSON(t *testing.T) {
	t.Parallel()
	cfg, err := mysqldriver.ParseDSN(testbed.MySQL(t).Database(t))
	require.NoError(t, err)
	db, err := sqlx.Open("mysql", cfg.FormatDSN())
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	texts := []string{
		"1.10", "1.0", "-0", "-0.0", "0.0", "0", "1e2", "1E+2", "0.1e1", "12345678901234567890", "18446744073709551615",
		"18446744073709551616", "123456789012345678901234567890", "-9223372036854775808", "-9223372036854775809",
		"5e-324", "1.7976931348623157e308", "100000000000000000000", "123456789012345.6", "1234567890123456.5",
		`{"b":1,"a":2,"aa":3,"B":4,"":5}`, `[1 , {"x" :null}]`, `{"a":1,"a":2}`, "{}", "[]", "true", "null",
		`"\u003c\u0001\u007f\/\b\f\n\r\t\"\\é\ud83d\ude00\u2028\u2029<>&"`, `{"\u0001":"", "ß":[[]]}`,
	}
	for exponent := -20; exponent <= 25; exponent++ {
		for _, mantissa := range []string{"1", "-1.5", "1.2345678901234567", "9.007199254740993"} {
			texts = append(texts, fmt.Sprintf("%se%d", mantissa, exponent))
		}
	}
	for range 500 {
		for _, x := range []float64{math.Float64frombits(rand.Uint64()), rand.ExpFloat64() * 1e6} {
			if !math.IsNaN(x) && !math.IsInf(x, 0) {
				texts = append(texts, strconv.FormatFloat(x, 'g', -1, 64))
			}
		}
	}
	for _, text := range texts {
		require.True(t, json.Valid([]byte(text)), text)
		var stored string
		require.NoError(t, db.Get(&stored, "SELECT CAST(CAST(? AS JSON) AS CHAR CHARACTER SET utf8mb4)", text), text)
		assert.Equal(t, stored, storedJSON(text), text)
		assert.Equal(t, stored, storedJSON(stored), "what is stored stays as it is")
	}
}

package mysql

import (
	"context"
	"database/sql"
	"strings"
	"testing"

	mysqldriver "github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/internal/sqldb"
	"github.com/stillframe/stillframe/internal/sqldb/sqltest"
	"github.com/stillframe/stillframe/internal/testbed"
	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/driver"
)

// TestCodes holds docs/ERRORS.md to the table.
func TestCodes(t *testing.T) {
	t.Parallel()
	testbed.Documented(t, "ERRORS.md", "mysql", codes.Markdown(), *update)
	for n, c := range codes {
		assert.NotContains(t, c.Text, "|", n)
		assert.NotEmpty(t, c.Text, n)
	}
}

// TestUnknownCodes goes by the SQLSTATE of an error that the table does not have.
func TestUnknownCodes(t *testing.T) {
	t.Parallel()
	for state, want := range map[string]driver.Fault{
		"08S01": {Class: driver.Unavailable, Code: "65000", Sent: true},
		"40001": {Class: driver.LockFailure, Code: "65000"},
		"70100": {Class: driver.Canceled, Code: "65000"},
		"22003": {Class: driver.Refused, Code: "65000"},
		"23000": {Class: driver.Refused, Code: "65000"},
		"45000": {Class: driver.Refused, Code: "65000"},
		"0A000": {Class: driver.Unsupported, Code: "65000"},
		"HY000": {Code: "65000"},
	} {
		e := &mysqldriver.MySQLError{Number: 65000, SQLState: [5]byte([]byte(state))}
		got, _ := classify(e)
		assert.Equal(t, want, got, state)
	}
}

// TestDuplicateKey reads the name of a key in every language of the servers, whatever it and the value hold.
func TestDuplicateKey(t *testing.T) {
	t.Parallel()
	for _, form := range []string{
		"Duplicate entry '%v' for key '%k'", "重复条目'%v'键'%k'", "Zvojený klíč '%v' (číslo klíče '%k')",
		"Ens værdier '%v' for indeks '%k'",
		"Dubbele ingang '%v' voor zoeksleutel '%k'",
		"Kattuv väärtus '%v' võtmele '%k'",
		"Duplicata du champ '%v' pour la clef '%k'", "დუბლირებული ჩანაწერი '%v' გასაღებისთვის '%k'",
		"Doppelter Eintrag '%v' für Schlüssel '%k'", "Διπλή εγγραφή '%v' για το κλειδί '%k'",
		"Duplikalt bejegyzes '%v' a '%k' kulcs szerint", "Duplikalt bejegyzes '%v' a '%k' kulcs szerint.",
		"Valore duplicato '%v' per la chiave '%k'", "'%v' は索引 '%k' で重複しています。", "중복된 입력 값 '%v': key '%k'",
		"Like verdier '%v' for nøkkel '%k'", "Like verdiar '%v' for nykkel '%k'",
		"Powtórzone wystąpienie '%v' dla klucza '%k'", "Entrada '%v' duplicada para a chave '%k'",
		"Cimpul '%v' e duplicat pentru cheia '%k'",
		"Дублирующаяся запись '%v' по ключу '%k'",
		"Dupliran unos '%v' za ključ '%k'",
		"Opakovaný kľúč '%v' (číslo kľúča '%k')",
		"Entrada duplicada '%v' para la clave '%k'",
		"Dublett '%v' för nyckel '%k'",
		"Дублюючий запис '%v' для ключа '%k'",
	} {
		for _, key := range []string{"PRIMARY", "it's", "a.b.c", "a b", "'", "clubs.it's a.b", "a' b"} {
			for _, value := range []string{"", "x", "it's", "a' for key 'b", "b' für Schlüssel 'x"} {
				message := strings.NewReplacer("%v", value, "%k", key).Replace(form)
				assert.Equal(t, key, duplicateKey(message), message)
			}
		}
	}
	assert.Empty(t, duplicateKey("odd"))
	assert.Empty(t, duplicateKey("for key 'odd"))
	assert.Empty(t, duplicateKey("Duplicate entry 'x' for key "))
}

// TestColumnIn finds the column of the mapping that a message names, and takes no value for one.
func TestColumnIn(t *testing.T) {
	t.Parallel()
	columns := []string{"id", "name", "it's"}
	for message, want := range map[string]string{
		"Data too long for column 'name' at row 1":                                      "name",
		"Daten zu lang für Feld 'it's' in Zeile 1":                                      "it's",
		"Incorrect integer value: 'id' for column 'name' at row 1":                      "name",
		"Incorrect integer value: 'x' for column `db`.`clubs`.`name` at row 1":          "name",
		"Truncated incorrect DOUBLE value: 'name'":                                      "",
		`Invalid JSON text: "x" at position 1 in value for column 'clubs.name'.`:        "name",
		"Incorrect datetime value: 'name' for column 'born' at row 1":                   "",
		"Incorrect string value: '\\xF0' for column `db`.`clubs`.`it's` at row 12":      "it's",
		"Out of range value for column 'unmapped' at row 1":                             "",
		"Incorrect string value: 'a' for column 'name' for column 'unmapped' at row 12": "",
	} {
		assert.Equal(t, want, columnIn(message, columns, true), message)
	}
	assert.Equal(t, "name", columnIn("Unknown column 'name' in 'SET'", columns, false))
}

// TestAnswerToCommit has the server answer a COMMIT with each error. Where it does not say that nothing was
// committed, the outcome is unknown, and nothing runs again.
func TestAnswerToCommit(t *testing.T) {
	t.Parallel()
	for number, want := range map[uint16]string{
		1180: "unknown", 1026: "unknown", 1598: "unknown", 3100: "unknown", 1317: "unknown", 1105: "unknown",
		4020: "unknown", 65000: "unknown", 1053: "unknown",
		1213: "again", 1205: "again", 1047: "again", 1290: "again", 3101: "again", 1114: "again",
		1644: "refused",
	} {
		answers := 0
		pool := sql.OpenDB(&sqltest.Recorder{Fail: func(text string) error {
			if answers++; strings.HasPrefix(text, "COMMIT") && answers < 4 {
				return &mysqldriver.MySQLError{Number: number, SQLState: [5]byte([]byte("HY000"))}
			}
			return nil
		}})
		info := driver.Info{Name: "mysql", Transactions: true, TimePrecision: 1, MaxKeys: mostKeys}
		db, err := store.New(sqldb.New(sqldb.Config{DB: pool, Dialect: &dialect{}, Statements: 1, Info: info}), nil)
		require.NoError(t, err)
		runs := 0
		err = db.Atomic(t.Context(), nil, func(context.Context, *store.Tx) error { runs++; return nil })
		switch want {
		case "unknown":
			assert.ErrorIs(t, err, store.ErrUnknownOutcome, number)
			assert.Equal(t, 1, runs, number)
		case "again":
			assert.NoError(t, err, number)
			assert.Equal(t, 2, runs, number)
		default:
			assert.ErrorIs(t, err, store.ErrInvalid, number)
			assert.False(t, store.MayHaveHappened(err), number)
		}
		require.NoError(t, db.Close())
		require.NoError(t, pool.Close())
	}
}

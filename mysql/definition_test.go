package mysql

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/internal/sqldb"
)

// odd is what the servers print of a table of odd columns.
const odd = "CREATE TABLE `t` (\n" +
	"  `id` int(10) unsigned NOT NULL AUTO_INCREMENT,\n" +
	"  `e` enum('a\\\\','x''y','),(') NOT NULL DEFAULT 'x''y' COMMENT 'it''s \\\\ a, \"c\" NOT NULL',\n" +
	"  `d` datetime NOT NULL DEFAULT current_timestamp() ON UPDATE current_timestamp(),\n" +
	"  `l` varchar(20) CHARACTER SET latin1 COLLATE latin1_swedish_ci NOT NULL DEFAULT '' CHECK (`l` <> ')'),\n" +
	"  `i` int DEFAULT '3' /*!80023 INVISIBLE */,\n" +
	"  `o``dd` timestamp NULL DEFAULT NULL,\n" +
	"  `last` blob,\n" +
	"  PRIMARY KEY (`id`),\n  KEY `k` (`l` DESC)\n) ENGINE=InnoDB"

// TestDefinitionsKeepTheirWords changes columns as the servers print them.
func TestDefinitionsKeepTheirWords(t *testing.T) {
	t.Parallel()
	all := definitionsOf(odd)
	require.Len(t, all, 7)
	for _, c := range []struct {
		name   string
		change sqldb.Change
		want   string
	}{
		{"id", sqldb.Change{Type: "BIGINT"}, "BIGINT unsigned NOT NULL AUTO_INCREMENT"},
		{"e", sqldb.Change{Null: sqldb.AllowNull}, "enum('a\\\\','x''y','),(') NULL DEFAULT 'x''y' " +
			"COMMENT 'it''s \\\\ a, \"c\" NOT NULL'"},
		{"d", sqldb.Change{Type: "DATETIME(6)"}, "DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) " +
			"ON UPDATE CURRENT_TIMESTAMP(6)"},
		{"l", sqldb.Change{Type: "VARCHAR(60)"}, "VARCHAR(60) CHARACTER SET latin1 COLLATE latin1_swedish_ci NOT " +
			"NULL " +
			"DEFAULT '' CHECK (`l` <> ')')"},
		{"l", sqldb.Change{Collation: "utf8mb4_bin"}, "varchar(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT " +
			"NULL " +
			"DEFAULT '' CHECK (`l` <> ')')"},
		{"i", sqldb.Change{Null: sqldb.ForbidNull, Default: "0"}, "int NOT NULL DEFAULT '3' /*!80023 INVISIBLE */"},
		{"o`dd", sqldb.Change{Null: sqldb.ForbidNull, Default: "0"}, "timestamp NOT NULL DEFAULT 0"},
		{"l", sqldb.Change{Collation: "utf8mb4_bin", Null: sqldb.ForbidNull, Default: "'x'"}, "varchar(20) " +
			"CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL DEFAULT '' CHECK (`l` <> ')')"},
		{"last", sqldb.Change{}, "blob"},
	} {
		assert.Equal(t, c.want, all[c.name].change(c.change, false), c.name)
	}
	for i := range odd { // whatever is cut off, nothing is made up
		for _, d := range definitionsOf(odd[:i]) {
			assert.Contains(t, odd, strings.Join(d, " "))
		}
	}
}

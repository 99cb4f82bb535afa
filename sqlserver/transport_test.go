package sqlserver

import (
	"testing"

	"github.com/microsoft/go-mssqldb/msdsn"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/internal/backend"
	"github.com/stillframe/stillframe/internal/testbed"
)

// The table of SECURITY.md says what becomes of each parameter.
func TestVerdictsOfParameters(t *testing.T) {
	t.Parallel()
	verdict := func(host, params string) string {
		config, err := parse("sqlserver://someone:secret@" + host + "?database=game&" + params)
		switch {
		case err != nil:
			return "refused"
		case len(warningsOf(config)) > 0:
			return "warned"
		case config.Encryption == msdsn.EncryptionRequired || config.Encryption == msdsn.EncryptionStrict:
			if !backend.IsVerified(config.TLSConfig) {
				return "plain"
			}
			return "verified"
		}
		return "plain"
	}
	rows := testbed.Verdicts(t, "sqlserver")
	require.NotEmpty(t, rows)
	for _, row := range rows {
		assert.Equal(t, row.Away, verdict("db.example:1433", row.Said), row.Said)
		assert.Equal(t, row.Here, verdict("127.0.0.1", row.Said), row.Said)
	}
}

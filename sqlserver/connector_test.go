package sqlserver

import (
	"testing"

	"github.com/microsoft/go-mssqldb/msdsn"
	"github.com/stretchr/testify/require"
)

// TestEncryptionIsTheDefault encrypts, and checks the certificate, unless the DSN says otherwise.
func TestEncryptionIsTheDefault(t *testing.T) {
	t.Parallel()
	config, err := parse("sqlserver://some%40one:se%3Acret@host?database=game")
	require.NoError(t, err)
	require.EqualValues(t, msdsn.EncryptionRequired, config.Encryption)
	require.False(t, config.TLSConfig.InsecureSkipVerify)
	require.Equal(t, "some@one", config.User)
	require.Equal(t, "se:cret", config.Password)
	require.Equal(t, "game", config.Database)
	config, err = parse("sqlserver://host?Encrypt=true&trustservercertificate=true")
	require.NoError(t, err)
	require.True(t, config.TLSConfig.InsecureSkipVerify)
	config, err = parse("sqlserver://host?encrypt=disable")
	require.NoError(t, err)
	require.EqualValues(t, msdsn.EncryptionDisabled, config.Encryption)
}

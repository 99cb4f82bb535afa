package sqlserver

import (
	"net"
	"strconv"

	"github.com/microsoft/go-mssqldb/msdsn"

	"github.com/stillframe/stillframe/internal/backend"
)

// warningsOf says what is weaker in a configuration than Open's defaults and was said plainly, for a server away from
// this machine.
func warningsOf(config msdsn.Config) (problems []string) {
	if backend.IsLocal("tcp", net.JoinHostPort(config.Host, strconv.FormatUint(config.Port, 10))) {
		return nil
	}
	switch config.Encryption {
	case msdsn.EncryptionDisabled:
		problems = append(problems, "there is no TLS: whoever stands between can read and change all, "+
			"and get the password")
	case msdsn.EncryptionOff:
		problems = append(problems, "the login alone is encrypted: whoever stands between can read and change all else")
	}
	if config.TLSConfig != nil && !backend.IsVerified(config.TLSConfig) {
		problems = append(problems, "the server's certificate is not checked: whoever stands between can read and "+
			"change all, and get the password")
	}
	return problems
}

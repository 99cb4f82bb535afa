package mysql

import (
	"context"
	"crypto/tls"
	"database/sql"
	"errors"
	"net"
	"reflect"

	mysqldriver "github.com/go-sql-driver/mysql"

	"github.com/stillframe/stillframe/internal/backend"
)

// transport is what a configuration of the client says of whom it talks to, and of what it does for that server.
type transport struct {
	isLocal, hasTLS, isVerified                        bool
	allowsFallback, allowsCleartext, allowsOldPassword bool
	readsFiles, hasMultiStatements                     bool
}

func transportOf(cfg *mysqldriver.Config) transport {
	return transport{
		isLocal: backend.IsLocal(cfg.Net, cfg.Addr), hasTLS: cfg.TLS != nil, isVerified: backend.IsVerified(cfg.TLS),
		allowsFallback:  cfg.AllowFallbackToPlaintext,
		allowsCleartext: cfg.AllowCleartextPasswords, allowsOldPassword: cfg.AllowOldPasswords,
		readsFiles: cfg.AllowAllFiles, hasMultiStatements: cfg.MultiStatements,
	}
}

// refusals names the parameters with which a server, or whoever stands before it, could take what is not its own.
// Open refuses them, and New warns of them.
func (t transport) refusals() (problems []string) {
	isVerified := t.isVerified && !t.allowsFallback
	if t.allowsFallback {
		problems = append(problems, "take tls=preferred and allowFallbackToPlaintext out of it (whoever stands "+
			"between turns the encryption off, and gets the password): say tls=true")
	}
	if t.allowsCleartext && !isVerified {
		problems = append(problems, "allowCleartextPasswords needs tls=true (any server would be told the password)")
	}
	if t.allowsOldPassword && !isVerified {
		problems = append(problems, "allowOldPasswords needs tls=true (the password can be computed from what is sent)")
	}
	if t.readsFiles {
		problems = append(problems, "take allowAllFiles out of it (a server could read any file of this machine)")
	}
	if t.hasMultiStatements {
		problems = append(problems, "take multiStatements out of it (what slips into a text could be a statement)")
	}
	return problems
}

// warnings says what is weaker than Open's defaults and was said plainly.
func (t transport) warnings() (problems []string) {
	switch {
	case t.isLocal:
	case !t.hasTLS:
		problems = append(problems, "there is no TLS: whoever stands between can read and change all, "+
			"and get the password")
	case !t.isVerified:
		problems = append(problems, "the server's certificate is not checked: whoever stands between can read and "+
			"change all, and get the password")
	}
	return problems
}

// secure makes a configuration that says nothing of TLS verify the server, unless that is on this machine. It is the
// last step of parse: the client itself would talk in the clear.
func secure(cfg *mysqldriver.Config) {
	if cfg.TLS == nil && cfg.TLSConfig == "" && !backend.IsLocal(cfg.Net, cfg.Addr) {
		cfg.TLSConfig = "true"
		cfg.TLS = &tls.Config{ServerName: hostOf(cfg.Addr)}
	}
}

// untrusted tells an error of TLS for Open, with what to do about it.
func untrusted(err error) error {
	if errors.Is(err, mysqldriver.ErrNoTLS) {
		return backend.NoTLS(err, "tls=false")
	}
	return backend.Untrusted(err, "tls=false")
}

// poolWarnings says for New what of a caller's pool is unsafe on the way to the server. The client has no function for
// that, so that the configuration of one connection is read from its field. Of a client that has none, because it is
// wrapped, say, nothing is known.
func poolWarnings(ctx context.Context, db *sql.DB) (problems []string, err error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	err = conn.Raw(func(raw any) error {
		v := reflect.ValueOf(raw)
		if v.Kind() != reflect.Pointer || v.Elem().Kind() != reflect.Struct {
			return nil
		}
		f := v.Elem().FieldByName("cfg")
		if !f.IsValid() || f.Type() != reflect.TypeFor[*mysqldriver.Config]() || f.IsNil() {
			return nil
		}
		t := transportOf((*mysqldriver.Config)(f.UnsafePointer()))
		problems = append(t.warnings(), t.refusals()...)
		return nil
	})
	return problems, err
}

// hostOf is the name that a certificate must have.
func hostOf(address string) string {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	return host
}

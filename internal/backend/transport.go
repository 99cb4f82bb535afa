package backend

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"net"
	"strings"

	"github.com/stillframe/stillframe/store"
)

// IsLocal reports whether an address is one of this machine: the path of a unix socket, or a loopback address. What is
// sent there passes no network, so that Open asks for no TLS.
func IsLocal(network, address string) bool {
	if strings.HasPrefix(network, "unix") {
		return true
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		host = strings.Trim(address, "[]")
	}
	if host == "" || strings.EqualFold(strings.TrimSuffix(host, "."), "localhost") {
		return true
	}
	host, _, _ = strings.Cut(host, "%")
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// IsVerified reports whether a client with this configuration checks whom it talks to. One that skips the standard
// check has one of its own where a function is set.
func IsVerified(c *tls.Config) bool {
	return c != nil && (!c.InsecureSkipVerify || c.VerifyConnection != nil || c.VerifyPeerCertificate != nil)
}

// Warn tells the logger, which may be nil, what makes a connection less safe than Open's defaults, one line for each.
func Warn(ctx context.Context, logger *slog.Logger, name string, problems []string) {
	if logger == nil {
		return
	}
	for _, problem := range problems {
		logger.LogAttrs(ctx, slog.LevelWarn, name+": the connection is not safe", slog.String("problem", problem))
	}
}

// Untrusted gives an error of TLS, met by Open, a text that says what to do about it. plain is what the DSN must say
// to do without TLS. Any other error is returned as it is.
func Untrusted(err error, plain string) error {
	_, isCertificate := errors.AsType[*tls.CertificateVerificationError](err)
	_, isAuthority := errors.AsType[x509.UnknownAuthorityError](err)
	_, isName := errors.AsType[x509.HostnameError](err)
	_, isRecord := errors.AsType[tls.RecordHeaderError](err)
	switch {
	case isName:
		return &hidden{store.ErrInvalid.Error() + ": the server's certificate is for another host than the one " +
			"that is asked for: connect by a name that stands in it", []error{store.ErrInvalid, err}}
	case isCertificate || isAuthority:
		return &hidden{store.ErrInvalid.Error() + ": the server's certificate is not one that this machine trusts: " +
			"name the CA that has signed it", []error{store.ErrInvalid, err}}
	case isRecord:
		return NoTLS(err, plain)
	}
	return err
}

// NoTLS is the error of a server that offers no TLS where Open needs it.
func NoTLS(err error, plain string) error {
	return &hidden{store.ErrInvalid.Error() + ": the server offers no TLS: enable it there, or say " + plain +
		" where the network between is trusted, since the password can be read in it", []error{store.ErrInvalid, err}}
}

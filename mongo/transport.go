package mongo

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/topology"

	"github.com/stillframe/stillframe/internal/backend"
)

// secure makes a client whose uri says nothing of TLS verify the deployment, unless it is on this machine, and names
// what Open refuses and what it warns of. The driver itself would talk in the clear.
func secure(client *options.ClientOptions, uri string) (refusals, warnings []string) {
	isLocal := !slices.ContainsFunc(client.Hosts, func(host string) bool { return !isLocalHost(host) })
	saysPlain := client.TLSConfig == nil && saysNoTLS(uri)
	switch {
	case client.TLSConfig == nil && !saysPlain && !isLocal:
		client.SetTLSConfig(&tls.Config{})
	case client.TLSConfig == nil && !saysPlain:
		// A replica set on this machine may name members that are not, which the driver would go to as well.
		client.SetDialer(localDialer{})
	}
	isVerified := backend.IsVerified(client.TLSConfig)
	if client.Auth != nil && !isVerified {
		switch mechanism := strings.ToUpper(client.Auth.AuthMechanism); mechanism {
		case "PLAIN", "MONGODB-OIDC":
			refusals = append(refusals, fmt.Sprintf("authMechanism=%s needs tls=true (any server would be told the "+
				"password or token)", mechanism))
		}
	}
	switch {
	case isLocal:
	case client.TLSConfig == nil:
		warnings = append(warnings, "there is no TLS: whoever stands between can read and change all")
	case !isVerified:
		warnings = append(warnings, "the server's certificate is not checked: whoever stands between can read and "+
			"change all")
	}
	return refusals, warnings
}

func isLocalHost(host string) bool {
	return strings.HasSuffix(host, ".sock") || backend.IsLocal("tcp", host)
}

// saysNoTLS reports whether a uri, which the driver has read, says tls=false.
func saysNoTLS(uri string) bool {
	_, query, _ := strings.Cut(uri, "?")
	for _, part := range strings.FieldsFunc(query, func(c rune) bool { return c == '&' || c == ';' }) {
		name, value, _ := strings.Cut(part, "=")
		if name = strings.ToLower(name); (name == "tls" || name == "ssl") && value == "false" {
			return true
		}
	}
	return false
}

// localDialer dials for a client without TLS of which nobody has said that it may leave this machine.
type localDialer struct{ net.Dialer }

var errAway = errors.New("the deployment names a member away from this machine, and the uri says nothing of TLS")

// DialContext implements [options.ContextDialer].
func (d localDialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := d.Dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	if to := conn.RemoteAddr(); to.Network() != "unix" && !backend.IsLocal(to.Network(), to.String()) {
		_ = conn.Close()
		return nil, errAway
	}
	return conn, nil
}

// untrusted tells an error of TLS for Open, with what to do about it. The driver hides it in what it knows of each
// server.
func untrusted(err error) error {
	selection, ok := errors.AsType[topology.ServerSelectionError](err)
	if !ok {
		return backend.Untrusted(err, "tls=false")
	}
	for _, server := range selection.Desc.Servers {
		switch last := server.LastError; {
		case last == nil:
		case errors.Is(last, errAway):
			return backend.Invalidf("%v: add tls=true, or tls=false where the network between is trusted", errAway)
		default:
			if told := backend.Untrusted(last, "tls=false"); told != last {
				return told
			}
		}
	}
	return err
}

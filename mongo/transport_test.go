package mongo

import (
	"net"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/stillframe/stillframe/internal/backend"
	"github.com/stillframe/stillframe/internal/testbed"
)

// The table of SECURITY.md says what becomes of each parameter.
func TestVerdictsOfParameters(t *testing.T) {
	t.Parallel()
	verdict := func(hosts, params string) string {
		uri := "mongodb://someone:secret@" + hosts + "/?" + params
		client := options.Client().ApplyURI(uri)
		require.NoError(t, client.Validate(), params)
		refusals, warnings := secure(client, uri)
		switch {
		case len(refusals) > 0:
			return "refused"
		case len(warnings) > 0:
			return "warned"
		case backend.IsVerified(client.TLSConfig):
			return "verified"
		}
		return "plain"
	}
	rows := testbed.Verdicts(t, "mongo")
	require.NotEmpty(t, rows)
	for _, row := range rows {
		for _, hosts := range []string{"db.example:27017", "localhost,db.example", "10.0.0.1", "[2001:db8::1]:27017"} {
			assert.Equal(t, row.Away, verdict(hosts, row.Said), "%s with %s", hosts, row.Said)
		}
		for _, hosts := range []string{"127.0.0.1", "localhost:27018,[::1]:27017", "%2Ftmp%2Fmongodb.sock"} {
			assert.Equal(t, row.Here, verdict(hosts, row.Said), "%s with %s", hosts, row.Said)
		}
	}
}

// A client without TLS that was asked for on this machine does not follow a deployment to another.
func TestPlainClientStaysHere(t *testing.T) {
	t.Parallel()
	addresses, err := net.InterfaceAddrs()
	require.NoError(t, err)
	for _, a := range addresses {
		network, ok := a.(*net.IPNet)
		if !ok || network.IP.To4() == nil {
			continue
		}
		l, err := net.Listen("tcp", net.JoinHostPort(network.IP.String(), "0"))
		require.NoError(t, err)
		conn, err := localDialer{}.DialContext(t.Context(), "tcp", l.Addr().String())
		if network.IP.IsLoopback() {
			require.NoError(t, err)
			require.NoError(t, conn.Close())
		} else {
			require.ErrorIs(t, err, errAway)
		}
		require.NoError(t, l.Close())
	}
}

package mysql

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"encoding/binary"
	"io"
	"log/slog"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	mysqldriver "github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/internal/testbed"
	"github.com/stillframe/stillframe/store"
)

// The table of SECURITY.md says what becomes of each parameter.
func TestVerdictsOfParameters(t *testing.T) {
	t.Parallel()
	verdict := func(address, params string) string {
		cfg, err := parse("someone:secret@" + address + "/game?" + params)
		switch {
		case err != nil:
			require.ErrorIs(t, err, store.ErrInvalid)
			require.NotContains(t, err.Error(), "secret")
			return "refused"
		case len(transportOf(cfg).warnings()) > 0:
			return "warned"
		case transportOf(cfg).isVerified:
			return "verified"
		}
		return "plain"
	}
	rows := testbed.Verdicts(t, "mysql")
	require.NotEmpty(t, rows)
	for _, row := range rows {
		for _, address := range []string{"tcp(db.example:3306)", "tcp([2001:db8::1]:3306)", "tcp(10.0.0.1)"} {
			assert.Equal(t, row.Away, verdict(address, row.Said), "%s with %s", address, row.Said)
		}
		for _, address := range []string{
			"", "tcp(127.0.0.1:3306)", "tcp([::1]:3306)", "tcp(localhost:3306)", "unix(/tmp/mysql.sock)",
		} {
			assert.Equal(t, row.Here, verdict(address, row.Said), "%s with %s", address, row.Said)
		}
	}
}

// hostile is a server that asks for the password in the clear, by TLS where it has a certificate, and keeps what it was
// told. It answers at db.example, away from this machine.
type hostile struct {
	network string
	got     chan string
	dialed  chan struct{}
}

// newHostile starts one, for a test that dials it by its network: a DSN can name no other address than its own.
func newHostile(t *testing.T, certificate *tls.Certificate) *hostile {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	h := &hostile{
		network: "hostile" + strings.NewReplacer("/", "", "_", "", "=", "", "&", "").Replace(t.Name()),
		got:     make(chan string, 100), dialed: make(chan struct{}, 100),
	}
	mysqldriver.RegisterDialContext(h.network, func(ctx context.Context, _ string) (net.Conn, error) {
		h.dialed <- struct{}{}
		return new(net.Dialer).DialContext(ctx, "tcp", l.Addr().String())
	})
	t.Cleanup(func() { mysqldriver.DeregisterDialContext(h.network) })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go h.serve(c, certificate)
		}
	}()
	return h
}

func (h *hostile) dsn(params string) string {
	return "someone:secret@" + h.network + "(db.example:3306)/game?" + params
}

// serve is one connection: the greeting, TLS where there is a certificate, and the demand for the password.
func (h *hostile) serve(c net.Conn, certificate *tls.Certificate) {
	defer func() { _ = c.Close() }()
	var capabilities uint32 = 0x01 | 0x04 | 0x08 | 0x200 | 0x80 | 0x2000 | 0x8000 | 0x80000
	if certificate != nil {
		capabilities |= 0x800
	}
	b := append([]byte{10}, "8.4.0\x00\x01\x00\x00\x00abcdefgh\x00"...)
	b = binary.LittleEndian.AppendUint16(b, uint16(capabilities))
	b = append(b, 45, 2, 0)
	b = binary.LittleEndian.AppendUint16(b, uint16(capabilities>>16))
	b = append(append(b, 21), make([]byte, 10)...)
	b = append(b, "ijklmnopqrst\x00mysql_native_password\x00"...)
	send := func(sequence byte, b []byte) {
		_, _ = c.Write(append([]byte{byte(len(b)), byte(len(b) >> 8), byte(len(b) >> 16), sequence}, b...))
	}
	receive := func() (byte, []byte, bool) {
		var head [4]byte
		if _, err := io.ReadFull(c, head[:]); err != nil {
			return 0, nil, false
		}
		body := make([]byte, int(head[0])|int(head[1])<<8|int(head[2])<<16)
		_, err := io.ReadFull(c, body)
		return head[3], body, err == nil
	}
	send(0, b)
	sequence, body, ok := receive()
	if ok && certificate != nil && len(body) == 32 {
		secured := tls.Server(c, &tls.Config{Certificates: []tls.Certificate{*certificate}})
		if secured.Handshake() != nil {
			return
		}
		c = secured
		sequence, _, ok = receive()
	}
	if !ok {
		return
	}
	send(sequence+1, []byte("\xfemysql_clear_password\x00"))
	if _, body, ok = receive(); ok {
		h.got <- strings.TrimRight(string(body), "\x00")
	}
}

// certificateFor makes a certificate that has signed itself.
func certificateFor(t *testing.T, host string) *tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{host}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	leaf, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// A server that nobody vouches for is not told the password, whatever it asks for.
func TestPasswordIsNotGivenAway(t *testing.T) {
	for _, c := range []struct {
		name, host, params, want string
		isDialed                 bool
	}{
		{"Nothing", "", "", "offers no TLS", true},
		{"Cleartext", "", "tls=true&allowCleartextPasswords=true", "offers no TLS", true},
		{"SelfSigned", "db.example", "", "trusts", true},
		{"SelfSignedCleartext", "db.example", "tls=true&allowCleartextPasswords=true", "trusts", true},
		{"OtherHost", "other.example", "tls=CA", "another host", true},
		{"Preferred", "", "tls=preferred", "tls=preferred", false},
		{"Fallback", "", "tls=true&allowFallbackToPlaintext=true", "allowFallbackToPlaintext", false},
		{"PlainCleartext", "", "tls=false&allowCleartextPasswords=true", "allowCleartextPasswords", false},
		{"UnverifiedCleartext", "db.example", "tls=skip-verify&allowCleartextPasswords=1", "allowCleartext", false},
		{"Files", "", "tls=false&allowAllFiles=true", "allowAllFiles", false},
		{"Statements", "", "tls=false&multiStatements=true", "multiStatements", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			var certificate *tls.Certificate
			if c.host != "" {
				certificate = certificateFor(t, c.host)
				c.params = withCA(t, certificate, c.params)
			}
			h := newHostile(t, certificate)
			_, err := Open(t.Context(), h.dsn(c.params), nil)
			require.ErrorIs(t, err, store.ErrInvalid)
			require.ErrorContains(t, err, c.want)
			require.NotContains(t, err.Error(), "secret")
			assert.Equal(t, c.isDialed, len(h.dialed) > 0)
			assert.Empty(t, h.got)
		})
	}
}

// withCA registers the certificate as a CA, and names it in the place of CA.
func withCA(t *testing.T, certificate *tls.Certificate, params string) string {
	t.Helper()
	roots := x509.NewCertPool()
	roots.AddCert(certificate.Leaf)
	name := "ca-" + strings.ToLower(strings.NewReplacer("/", "-", "=", "-", "&", "-").Replace(t.Name()))
	require.NoError(t, mysqldriver.RegisterTLSConfig(name, &tls.Config{RootCAs: roots}))
	t.Cleanup(func() { mysqldriver.DeregisterTLSConfig(name) })
	return strings.ReplaceAll(params, "tls=CA", "tls="+name)
}

// A server whose certificate is vouched for is talked to, and one that is taken as it is said of once.
func TestServerIsTrustedByItsCertificate(t *testing.T) {
	certificate := certificateFor(t, "db.example")
	for params, warned := range map[string]int{
		"tls=CA&allowCleartextPasswords=true": 0, "tls=CA": 0, "tls=skip-verify": 1,
	} {
		t.Run(params, func(t *testing.T) {
			var log bytes.Buffer
			o := &Options{Store: store.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))}}
			h := newHostile(t, certificate)
			_, err := Open(t.Context(), h.dsn(withCA(t, certificate, params)), o)
			require.Error(t, err) // the server goes away when it has the password
			require.NotErrorIs(t, err, store.ErrInvalid)
			assert.Equal(t, strings.Contains(params, "Cleartext"), len(h.got) > 0)
			assert.Equal(t, warned, strings.Count(log.String(), "level=WARN"))
			assert.NotContains(t, log.String(), "secret")
		})
	}
}

// New warns of what Open would refuse or warn of, in a pool of the client.
func TestNewWarnsOfThePool(t *testing.T) {
	t.Parallel()
	for _, server := range []func(testing.TB) *testbed.Server{testbed.MariaDB, testbed.MySQL} {
		cfg, err := mysqldriver.ParseDSN(server(t).Database(t))
		require.NoError(t, err)
		cfg.ParseTime, cfg.MultiStatements = true, true
		cfg.Params = map[string]string{
			"time_zone": "'+00:00'", "sql_mode": "'STRICT_TRANS_TABLES'", "innodb_lock_wait_timeout": "3",
		}
		var log bytes.Buffer
		o := &Options{Store: store.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))}}
		_, err = New(t.Context(), poolOf(t, cfg), o)
		require.NoError(t, err)
		assert.Equal(t, 1, strings.Count(log.String(), "level=WARN"), log.String())
		assert.Contains(t, log.String(), "multiStatements")
	}
}

func poolOf(t *testing.T, cfg *mysqldriver.Config) *sql.DB {
	t.Helper()
	connector, err := mysqldriver.NewConnector(cfg)
	require.NoError(t, err)
	db := sql.OpenDB(connector)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

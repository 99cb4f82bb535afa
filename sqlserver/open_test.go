package sqlserver_test

import (
	"context"
	"database/sql"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"

	mssql "github.com/microsoft/go-mssqldb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/internal/sqldb/sqltest"
	"github.com/stillframe/stillframe/sqlserver"
	"github.com/stillframe/stillframe/store"
)

// TestOpenBadDSN names what is wrong with a DSN, and never shows it.
func TestOpenBadDSN(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, dsn, want string }{
		{"Empty", "", "cannot be read"},
		{"NoScheme", "server=secret;password=secret", "cannot be read"},
		{"Escape", "sqlserver://someone:secret@host/%zz", "cannot be read"},
		{"Port", "sqlserver://someone:secret@host:port", "cannot be read"},
		{"Timezone", "sqlserver://someone:secret@host?timezone=Europe%2FLondon", "timezone"},
		{"Guid", "sqlserver://someone:secret@host?guid+conversion=true", "guid conversion"},
		{"Retry", "sqlserver://someone:secret@host?disableretry=true", "disableretry"},
		{"Intent", "sqlserver://someone:secret@host?database=game&ApplicationIntent=ReadOnly", "applicationintent"},
		{"Log", "sqlserver://someone:secret@host?log=63", "log"},
		{"Encrypt", "sqlserver://someone:secret@host?encrypt=secret", "value of encrypt cannot be read"},
		{"Timeout", "sqlserver://someone:secret@host?dial+timeout=secret", "value of dial timeout cannot be read"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := sqlserver.Open(t.Context(), c.dsn, nil)
			require.ErrorIs(t, err, store.ErrInvalid)
			assert.Contains(t, err.Error(), c.want)
			sqltest.Discreet(t, err)
		})
	}
	_, err := sqlserver.Open(t.Context(), "sqlserver://a", &sqlserver.Options{Connections: -1})
	require.ErrorIs(t, err, store.ErrInvalid)
	_, err = sqlserver.New(t.Context(), nil, nil)
	require.ErrorIs(t, err, store.ErrInvalid)
}

// TestServerIsAway has nothing listen where the DSN points.
func TestServerIsAway(t *testing.T) {
	t.Parallel()
	sqltest.ServerIsAway(t, func(address string) error {
		_, err := sqlserver.Open(t.Context(), "sqlserver://someone:secret@"+address+"?database=game", nil)
		return err
	})
}

// TestServerIsSilent has a server that takes the connection and says nothing. The client has no
// ctx while it waits for the first answer.
func TestServerIsSilent(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		socket, err := listener.Accept()
		if err == nil {
			_, err = io.ReadFull(socket, make([]byte, 8)) // the head of its greeting
			cancel()
		}
		if err == nil {
			_, err = io.Copy(io.Discard, socket) // until the client closes it
		}
		ended <- err
	}()
	_, err = sqlserver.Open(ctx, "sqlserver://someone:secret@"+listener.Addr().String()+"?database=game", nil)
	require.ErrorIs(t, err, context.Canceled)
	require.NoError(t, <-ended)
}

// TestOpenRefused meets a server that does not let us in.
func TestOpenRefused(t *testing.T) {
	onServer(t, func(t *testing.T, dsn string) {
		_, rest, _ := strings.Cut(dsn, "@")
		_, err := sqlserver.Open(t.Context(), "sqlserver://someone:secret@"+rest, nil)
		require.Error(t, err)
		sqltest.Discreet(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err = sqlserver.Open(ctx, dsn, nil)
		require.ErrorIs(t, err, context.Canceled)
	})
}

// TestOpenReports logs what was found, without the DSN.
func TestOpenReports(t *testing.T) {
	onServer(t, func(t *testing.T, dsn string) {
		var log strings.Builder
		open(t, dsn, &sqlserver.Options{Store: store.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))}})
		for _, word := range []string{
			"read_committed_snapshot", "snapshot_isolation", "xact_abort", "nocount", "collation",
		} {
			assert.Contains(t, log.String(), word)
		}
		assert.NotContains(t, log.String(), "sqlserver://")
	})
}

// TestNewAudits refuses a caller's pool, and names each unsafe setting with what to do about it.
func TestNewAudits(t *testing.T) {
	onServer(t, func(t *testing.T, dsn string) {
		for _, c := range []struct {
			name, init, more string
			want             []string
		}{
			{name: "Safe"},
			{name: "Implicit", init: "SET IMPLICIT_TRANSACTIONS ON", want: []string{"IMPLICIT_TRANSACTIONS"}},
			{name: "Warnings", init: "SET ANSI_WARNINGS OFF", want: []string{"ANSI_WARNINGS"}},
			{name: "Timezone", more: "&timezone=Asia%2FTokyo", want: []string{"timezone"}},
			{name: "Guid", more: "&guid+conversion=true", want: []string{"guid conversion"}},
		} {
			t.Run(c.name, func(t *testing.T) {
				connector, err := mssql.NewConnector(dsn + c.more)
				require.NoError(t, err)
				connector.SessionInitSQL = c.init
				pool := sql.OpenDB(connector)
				defer pool.Close()
				if c.init != "" && isBabelfish(t, pool) {
					t.Skip("Babelfish does not say these settings in @@OPTIONS")
				}
				db, err := sqlserver.New(t.Context(), pool, nil)
				sqltest.Audited(t, db, err, c.want)
			})
		}
	})
}

// TestNewUsesTheCallersPool works with what the caller has, and leaves it open.
func TestNewUsesTheCallersPool(t *testing.T) {
	onServer(t, func(t *testing.T, dsn string) {
		callers := direct(t, dsn)
		db, err := sqlserver.New(t.Context(), callers, nil)
		require.NoError(t, err)
		sqltest.Clubs(t, db, 100, 100)
		native, ok := sqlserver.Native(db)
		require.True(t, ok)
		require.Same(t, callers, native.DB)
		sqltest.PoolStaysOpen(
			t, db, callers, func() (*store.DB, error) { return sqlserver.New(t.Context(), callers, nil) },
		)
	})
}

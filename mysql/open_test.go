package mysql_test

import (
	"context"
	"database/sql"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	mysqldriver "github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/internal/sqldb/sqltest"
	"github.com/stillframe/stillframe/mysql"
	"github.com/stillframe/stillframe/store"
)

// TestOpenBadDSN names what is wrong with a DSN, and never shows it.
func TestOpenBadDSN(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, dsn, want string }{
		{"NoSlash", "someone:secret@tcp(localhost:3306)", "cannot be read"},
		{"Brace", "someone:secret@tcp(localhost:3306/game", "cannot be read"},
		{"Escape", "someone:secret@tcp(localhost:3306)/%zz", "cannot be read"},
		{"Network", "someone:secret@secretnet/game", "cannot be read"},
		{"Location", "someone:secret@/game?loc=Europe%2FLondon", "loc must be UTC"},
		{"ParseTime", "someone:secret@/game?parseTime=false", "parseTime must be true"},
		{"Mode", "someone:secret@/game?sql_mode=%27%27", "sql_mode"},
		{"Zone", "someone:secret@/game?time_zone=%27Europe%2FLondon%27", "time_zone"},
		{"Isolation", "someone:secret@/game?transaction_isolation=%27SERIALIZABLE%27", "transaction_isolation"},
		{"Charset", "someone:secret@/game?charset=latin1", "charset"},
		{"Autocommit", "someone:secret@/game?autocommit=0", "autocommit"},
		{"Strict", "someone:secret@/game?strict=true", "strict"},
		{"Timeout", "someone:secret@/game?timeout=secret", "value of timeout cannot be read"},
		{"Bool", "someone:secret@/game?compress=secret", "value of compress cannot be read"},
		{"TLS", "someone:secret@/game?tls=secret", "value of tls cannot be read"},
		{"CutInThePassword", "someone:pa/ss?x=0&secret=1,y=2&x-secret@tcp(localhost)", "parameter 2 has more than"},
		{"NameOfAPassword", "someone:/?secret-x=%zz@tcp(localhost)", "parameter 1 is no plain name"},
		{"ValueOfAPassword", "someone:/?readTimeout=1&secret=%zz", "value of readTimeout cannot be read"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := mysql.Open(t.Context(), c.dsn, nil)
			require.ErrorIs(t, err, store.ErrInvalid)
			assert.Contains(t, err.Error(), c.want)
			sqltest.Discreet(t, err)
		})
	}
	_, err := mysql.Open(t.Context(), "someone:secret@/game?sql_mode=x&loc=Local&time_zone=y", nil)
	for _, word := range []string{"sql_mode", "loc", "time_zone"} {
		require.ErrorContains(t, err, word)
	}
	_, err = mysql.Open(t.Context(), "/", &mysql.Options{Connections: -1})
	require.ErrorIs(t, err, store.ErrInvalid)
}

// TestOpenOnARegisteredNetwork dials as the caller has registered, and calls end with their ctx there
// too.
func TestOpenOnARegisteredNetwork(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dsn string) {
		var dialed atomic.Int64
		network := "open" + strings.ReplaceAll(t.Name(), "/", "")
		mysqldriver.RegisterDialContext(network, func(ctx context.Context, address string) (net.Conn, error) {
			dialed.Add(1)
			var d net.Dialer
			return d.DialContext(ctx, "tcp", address)
		})
		t.Cleanup(func() { mysqldriver.DeregisterDialContext(network) })
		cfg, err := mysqldriver.ParseDSN(dsn)
		require.NoError(t, err)
		require.Equal(t, "tcp", cfg.Net)
		cfg.Net = network
		db := open(t, cfg.FormatDSN(), nil)
		require.Positive(t, dialed.Load())
		r := sqltest.Clubs(t, db, 100)
		c, err := r.Get(t.Context(), 1)
		require.NoError(t, err)
		holder := sqltest.Hold(t, direct(t, dsn), 1)
		defer func() { _ = holder.Rollback() }()
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		require.ErrorIs(t, r.Save(ctx, &c), context.DeadlineExceeded)
	})
}

// TestOpenRefused meets a server that does not let us in.
func TestOpenRefused(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dsn string) {
		cfg, err := mysqldriver.ParseDSN(dsn)
		require.NoError(t, err)
		cfg.User, cfg.Passwd = "someone", "secret"
		_, err = mysql.Open(t.Context(), cfg.FormatDSN(), nil)
		require.ErrorContains(t, err, "1045")
		sqltest.Discreet(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err = mysql.Open(ctx, dsn, nil)
		require.ErrorIs(t, err, context.Canceled)
	})
}

// pool is a caller's pool whose connections have the parameters.
func pool(t testing.TB, dsn string, change func(*mysqldriver.Config), params map[string]string) *sql.DB {
	t.Helper()
	cfg, err := mysqldriver.ParseDSN(dsn)
	require.NoError(t, err)
	cfg.ParseTime = true
	cfg.Params = map[string]string{
		"time_zone": "'+00:00'", "sql_mode": "'STRICT_TRANS_TABLES'",
		"innodb_lock_wait_timeout": "3",
	}
	for name, value := range params {
		cfg.Params[name] = value
	}
	if change != nil {
		change(cfg)
	}
	connector, err := mysqldriver.NewConnector(cfg)
	require.NoError(t, err)
	db := sql.OpenDB(connector)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// TestNewAudits refuses a caller's pool, and names each unsafe setting with what to do about it.
func TestNewAudits(t *testing.T) {
	t.Parallel()
	london, err := time.LoadLocation("Europe/London")
	require.NoError(t, err)
	for _, c := range []struct {
		name   string
		change func(*mysqldriver.Config)
		params map[string]string
		want   []string
	}{
		{name: "Safe"},
		{
			name: "ParseTime", change: func(c *mysqldriver.Config) { c.ParseTime = false },
			want: []string{"parseTime=true"},
		},
		{name: "Location", change: func(c *mysqldriver.Config) { c.Loc = london }, want: []string{"loc=UTC"}},
		{name: "Zone", params: map[string]string{"time_zone": "'+01:00'"}, want: []string{"time_zone"}},
		{
			name: "Mode", params: map[string]string{"sql_mode": "''"},
			want: []string{"sql_mode=%27STRICT_TRANS_TABLES%27"},
		},
		{name: "AllTables", params: map[string]string{"sql_mode": "'STRICT_ALL_TABLES'"}},
		{
			name: "Charset", params: map[string]string{"character_set_client": "latin1"},
			want: []string{"charset=utf8mb4"},
		},
		{name: "Autocommit", params: map[string]string{"autocommit": "0"}, want: []string{"autocommit"}},
		{
			name: "Wait", params: map[string]string{"innodb_lock_wait_timeout": "50"},
			want: []string{"innodb_lock_wait_timeout is 50 s"},
		},
		{
			name: "AllAtOnce", change: func(c *mysqldriver.Config) { c.ParseTime = false },
			params: map[string]string{"sql_mode": "''", "time_zone": "'+01:00'", "autocommit": "0"},
			want:   []string{"parseTime", "sql_mode", "time_zone", "autocommit"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			onEach(t, func(t *testing.T, dsn string) {
				db, err := mysql.New(t.Context(), pool(t, dsn, c.change, c.params), nil)
				sqltest.Audited(t, db, err, c.want)
			})
		})
	}
	_, err = mysql.New(t.Context(), nil, nil)
	require.ErrorIs(t, err, store.ErrInvalid)
}

// TestNewUsesTheCallersPool works with what the caller has, and leaves it open.
func TestNewUsesTheCallersPool(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dsn string) {
		callers := pool(t, dsn, nil, nil)
		db, err := mysql.New(t.Context(), callers, nil)
		require.NoError(t, err)
		r := sqltest.Clubs(t, db, 100, 100)
		native, ok := mysql.Native(db)
		require.True(t, ok)
		require.Same(t, callers, native.DB)
		require.NoError(t, db.Atomic(t.Context(), nil, func(ctx context.Context, tx *store.Tx) error {
			tx0, ok := mysql.NativeTx(tx)
			require.True(t, ok)
			variable := "@@transaction_isolation"
			if strings.HasPrefix(db.Info().Server, "MariaDB 10") {
				variable = "@@tx_isolation"
			}
			var session string
			require.NoError(t, tx0.QueryRowxContext(ctx, "SELECT "+variable).Scan(&session))
			assert.Equal(t, "REPEATABLE-READ", session, "the caller's sessions stay as they are")
			c, err := r.In(tx).Get(ctx, 1)
			require.NoError(t, err)
			_, err = r.Modify(t.Context(), 1, sqltest.Credit(1)) // on another connection
			require.NoError(t, err)
			again, err := r.In(tx).Get(ctx, 1)
			require.NoError(t, err)
			assert.Equal(t, c.Balance+1, again.Balance, "the transaction itself is READ COMMITTED")
			return nil
		}))
		sqltest.PoolStaysOpen(t, db, callers, func() (*store.DB, error) { return mysql.New(t.Context(), callers, nil) })
	})
}

// TestOpenSaysWhatIsWrong opens with a wrong password, a database that is not there, a port where nobody listens and a
// host that does not exist. Each error says which it is, and none shows the password.
func TestOpenSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dsn string) {
		right, err := mysqldriver.ParseDSN(dsn)
		require.NoError(t, err)
		for text, change := range map[string]func(*mysqldriver.Config){
			"the user name or the password is wrong": func(c *mysqldriver.Config) {
				c.User, c.Passwd = "nobody", "opensesame"
			},
			"there is no such database":                       func(c *mysqldriver.Config) { c.DBName = "not_there" },
			`the server at "127.0.0.1:1" is unavailable: nob`: func(c *mysqldriver.Config) { c.Net, c.Addr = "tcp", "127.0.0.1:1" },
			`the server at "not-there.invalid:3306" is unava`: func(c *mysqldriver.Config) {
				c.Net, c.Addr = "tcp", "not-there.invalid:3306"
			},
		} {
			wrong := right.Clone()
			change(wrong)
			_, err := mysql.Open(t.Context(), wrong.FormatDSN(), nil)
			require.ErrorContains(t, err, text)
			require.NotContains(t, err.Error(), "opensesame")
		}
	})
}

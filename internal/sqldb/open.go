package sqldb

import (
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/stillframe/stillframe/internal/backend"
	"github.com/stillframe/stillframe/store"
)

// IsNoon reports whether a client has given a noon as one of UTC.
func IsNoon(value any) bool {
	t, ok := value.(time.Time)
	return ok && t.UTC().Hour() == 12
}

// Printable is the name of a parameter of a DSN, unless it looks like something else that went
// astray.
func Printable(name string) string {
	if len(name) > 40 || strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_ ") != "" {
		return "a parameter"
	}
	return name
}

// NativeDB returns the pool behind a database whose dialect is a D, as sqlx knows it by a name. It
// reports false for any other, and for nil.
func NativeDB[D Dialect](db *store.DB, name string) (*sqlx.DB, bool) {
	d, ok := backend.DatabaseOf[*Database](db)
	if !ok {
		return nil, false
	}
	if _, ok := d.dialect.(D); !ok {
		return nil, false
	}
	return d.SQLX(name), true
}

// NativeTx is [NativeDB] for a transaction. It reports false for one that has ended, too.
func NativeTx[D Dialect](tx *store.Tx, name string) (*sqlx.Tx, bool) {
	t, ok := backend.TxOf[*Tx](tx)
	if !ok {
		return nil, false
	}
	if _, ok := t.db.dialect.(D); !ok {
		return nil, false
	}
	native, err := t.SQLX(name)
	return native, err == nil
}

package backend

import (
	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/driver"
)

// DatabaseOf returns what a backend has given to store.New. It reports false for a database of another
// backend, and for nil.
func DatabaseOf[D driver.Database](db *store.DB) (D, bool) {
	if db == nil {
		var none D
		return none, false
	}
	d, ok := db.Driver().(D)
	return d, ok
}

// TxOf returns the backend's own side of a transaction, which may have ended. It reports false for a
// transaction of another backend, and for nil.
func TxOf[T driver.Tx](tx *store.Tx) (T, bool) {
	if tx == nil {
		var none T
		return none, false
	}
	t, ok := tx.Driver().(T)
	return t, ok
}

package sqlserver_test

import (
	"testing"

	"github.com/stillframe/stillframe/internal/load"
	"github.com/stillframe/stillframe/sqlserver"
)

func TestTransfers(t *testing.T) {
	onServer(t, func(t *testing.T, dsn string) {
		load.Transfers(t, open(t, dsn, &sqlserver.Options{Connections: connections}))
	})
}

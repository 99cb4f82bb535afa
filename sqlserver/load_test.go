package sqlserver_test

import (
	"testing"

	"github.com/stillframe/stillframe/internal/load"
)

func TestTransfers(t *testing.T) {
	onServer(t, func(t *testing.T, dsn string) { load.Transfers(t, open(t, dsn, nil)) })
}

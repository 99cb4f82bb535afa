package mysql_test

import (
	"testing"

	"github.com/stillframe/stillframe/internal/load"
)

func TestTransfers(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) { load.Transfers(t, open(t, dsn, nil)) })
}

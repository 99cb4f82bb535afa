package mongo_test

import (
	"testing"

	"github.com/stillframe/stillframe/internal/load"
	"github.com/stillframe/stillframe/internal/testbed"
)

func TestTransfers(t *testing.T) {
	t.Parallel()
	set := testbed.Mongo(t)
	load.Transfers(t, open(t, set.URI(), set.Database(t), nil))
}

func TestTransfersOnThreeNodes(t *testing.T) {
	if testing.Short() {
		t.Skip("needs three nodes to itself")
	}
	t.Parallel()
	set := testbed.StartMongo(t, 3)
	load.Transfers(t, open(t, set.URI(), set.Database(t), nil))
}

package mongo_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"net"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/stillframe/stillframe/internal/testbed"
	"github.com/stillframe/stillframe/store"
)

// TestLateOperationBeginsNothing has the first operation of a Tx arrive after the Tx was cancelled
// and aborted. It must not begin the transaction again, which nobody would end.
func TestLateOperationBeginsNothing(t *testing.T) {
	t.Parallel()
	set := testbed.Mongo(t)
	if len(set.Nodes()) != 1 {
		t.Skip("the address of the server is not known")
	}
	p := testbed.NewProxy(t, set.Nodes()[0].Addr())
	db := open(t, p.URI(), set.Database(t), nil)
	r := newClubs(t, db)
	require.NoError(t, r.Insert(t.Context(), &club{ID: 1}))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var late []byte
	p.OnClient(func(data []byte) testbed.Action {
		if late != nil || !bytes.Contains(data, []byte("startTransaction\x00")) {
			return testbed.Pass
		}
		late = bytes.Clone(data)
		cancel()
		return testbed.Stall
	})
	err := db.Atomic(ctx, nil, func(ctx context.Context, tx *store.Tx) error {
		_, err := r.In(tx).Modify(ctx, 1, func(c *club) error { c.Balance++; return nil })
		return err
	})
	require.ErrorIs(t, err, context.Canceled)
	p.OnClient(nil) // and with it the matcher is done with late

	conn, err := net.Dial("tcp", set.Nodes()[0].Addr())
	require.NoError(t, err)
	defer conn.Close()
	_, err = conn.Write(late)
	require.NoError(t, err)
	head := make([]byte, 4)
	_, err = io.ReadFull(conn, head)
	require.NoError(t, err)
	rest := make([]byte, binary.LittleEndian.Uint32(head)-4)
	_, err = io.ReadFull(conn, rest)
	require.NoError(t, err)
	// OP_MSG: three more words of header, the flags and the kind of the section stand before its document.
	var answer struct {
		OK       float64 `bson:"ok"`
		CodeName string  `bson:"codeName"`
	}
	require.NoError(t, bson.Unmarshal(rest[12+4+1:], &answer))
	assert.Zero(t, answer.OK)
	assert.Equal(t, "TransactionTooOld", answer.CodeName)
}

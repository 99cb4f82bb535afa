package mongo_test

import (
	"bytes"
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"
	mongodriver "go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/stillframe/stillframe/internal/testbed"
	"github.com/stillframe/stillframe/mongo"
	"github.com/stillframe/stillframe/store"
)

// failing is held by the test that has set the server's fail point, of which there is one. It says which commands of
// which client fail, and how.
var failing sync.Mutex

// failPoint is the server's fail point for the commands of the clients with one name.
type failPoint struct {
	admin *mongodriver.Database
	app   string
}

// newFailPoint takes the fail point of a server until the test ends.
func newFailPoint(t *testing.T, node *testbed.Server) *failPoint {
	t.Helper()
	failing.Lock()
	f := &failPoint{direct(t, node.DSN()).Database("admin"), t.Name()}
	t.Cleanup(func() {
		f.off(t)
		failing.Unlock()
	})
	return f
}

// on has a command fail from now on, as data says.
func (f *failPoint) on(t *testing.T, command string, data ...bson.E) {
	t.Helper()
	all := append(doc("failCommands", bson.A{command}, "appName", f.app), data...)
	f.set(t, doc("mode", "alwaysOn", "data", all)...)
}

func (f *failPoint) off(t *testing.T) { f.set(t, doc("mode", "off")...) }

func (f *failPoint) set(t *testing.T, rest ...bson.E) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	require.NoError(t, f.admin.RunCommand(ctx, append(doc("configureFailPoint", "failCommand"), rest...)).Err())
}

// singleNode is the only server of the shared set.
func singleNode(t *testing.T) *testbed.Server {
	t.Helper()
	set := testbed.Mongo(t)
	if len(set.Nodes()) != 1 {
		t.Skip("the address of the server is not known")
	}
	return set.Nodes()[0]
}

// handles opens a database by Open and by New, over the same address.
func handles(t *testing.T, uri, database string) map[string]*store.DB {
	t.Helper()
	o := &mongo.Options{WriteTimeout: time.Second}
	given, err := mongo.New(t.Context(), direct(t, uri), database, o)
	require.NoError(t, err)
	return map[string]*store.DB{"Open": open(t, uri, database, o), "New": given}
}

// findAgain returns when the client knows again that the server is there: after an error that says otherwise it does
// not, for a moment.
func findAgain(t *testing.T, r *clubs) {
	t.Helper()
	_, err := r.Count(t.Context(), store.Query{})
	require.NoError(t, err)
}

// isNamed reports whether an error is of the wanted kind, for a message that says of which it is.
func isNamed(t *testing.T, err, want error, about string) {
	t.Helper()
	require.Error(t, err, about)
	assert.ErrorIs(t, err, want, about)
	assert.Equal(t, errors.Is(want, store.ErrUnknownOutcome), store.MayHaveHappened(err), about)
}

// TestWriteThatLandedIsNeverDenied loses the answer of a write that was done, and has its next tries answered with an
// error, or by nobody. What is known of the last try must not be told of the first.
func TestWriteThatLandedIsNeverDenied(t *testing.T) {
	t.Parallel()
	node := singleNode(t)
	fail := newFailPoint(t, node)
	behind := direct(t, node.DSN())
	labels := func(all ...any) bson.E { return bson.E{Key: "errorLabels", Value: bson.A(all)} }
	code := func(n int) bson.E { return bson.E{Key: "errorCode", Value: n} }
	second := map[string][]bson.E{
		"NotPrimary":         {code(10107), labels("RetryableWriteError", "NoWritesPerformed")},
		"SteppedDown":        {code(189), labels("RetryableWriteError", "NoWritesPerformed")},
		"Conflict":           {code(112), labels()},
		"Duplicate":          {code(11000), labels()},
		"Unauthorized":       {code(13), labels()},
		"NoWritesAndNoRetry": {code(91), labels("NoWritesPerformed")},
		"Nobody":             nil,
	}
	for by, db := range proxied(t, node, fail.app) {
		r := newClubs(t, db.DB)
		for about, data := range second {
			if by == "New" && about != "NotPrimary" {
				continue // how a write is sent does not depend on whose client it is
			}
			for verb, command := range map[string]string{"Insert": "insert", "Modify": "update", "Delete": "delete"} {
				t.Run(by+about+verb, func(t *testing.T) {
					c := behind.Database(db.database).Collection("clubs")
					_, err := c.DeleteMany(t.Context(), bson.D{})
					require.NoError(t, err)
					findAgain(t, r)
					saved := club{ID: 1}
					if verb != "Insert" {
						require.NoError(t, r.Insert(t.Context(), &saved))
					}
					isLost := false
					db.proxy.OnClient(func(data []byte) testbed.Action {
						if bytes.Contains(data, []byte("\x02"+command+"\x00")) && !isLost {
							isLost = true
							return testbed.CutAfter
						}
						return testbed.Pass
					})
					db.proxy.OnServer(func([]byte) testbed.Action {
						if isLost && data != nil { // the answer that is lost
							fail.on(t, command, data...)
						}
						if isLost && data == nil {
							return testbed.Cut
						}
						return testbed.Pass
					})
					runs := 0
					switch verb {
					case "Insert":
						err = r.Insert(t.Context(), &saved)
					case "Modify":
						_, err = r.Modify(t.Context(), 1, func(c *club) error { runs++; c.Balance++; return nil })
					case "Delete":
						err = r.Delete(t.Context(), saved)
					}
					db.proxy.OnClient(nil)
					db.proxy.OnServer(nil)
					fail.off(t)
					isNamed(t, err, store.ErrUnknownOutcome, verb)
					assert.LessOrEqual(t, runs, 1)
					version := 2
					if verb == "Insert" {
						version = 1
					}
					n, err := c.CountDocuments(t.Context(), doc("version", version))
					require.NoError(t, err)
					assert.Equal(t, verb != "Delete", n == 1, "it is there once")
				})
			}
		}
	}
}

// proxiedDB is a database that is reached through a proxy of its own.
type proxiedDB struct {
	*store.DB
	proxy    *testbed.Proxy
	database string
}

// proxied are the databases of Open and New, each through a proxy, by clients of the given name.
func proxied(t *testing.T, node *testbed.Server, app string) map[string]proxiedDB {
	t.Helper()
	all := map[string]proxiedDB{}
	for _, by := range []string{"Open", "New"} {
		p := testbed.NewProxy(t, node.Addr())
		database := testbed.Mongo(t).Database(t)
		all[by] = proxiedDB{handles(t, with(p.URI(), "appName="+app), database)[by], p, database}
	}
	return all
}

// TestWriteIsSentAgain has a write that did not arrive, or whose answer was lost, sent again and acknowledged once.
func TestWriteIsSentAgain(t *testing.T) {
	t.Parallel()
	node := singleNode(t)
	for by, db := range proxied(t, node, t.Name()) {
		r := newClubs(t, db.DB)
		require.NoError(t, r.Insert(t.Context(), &club{ID: 1}))
		for i, action := range []testbed.Action{testbed.Cut, testbed.CutAfter, testbed.Reset, testbed.ResetAfter} {
			db.proxy.OnClient(testbed.Once("\x02update\x00", action))
			c, err := r.Modify(t.Context(), 1, func(c *club) error { c.Balance++; return nil })
			require.NoError(t, err, by)
			assert.EqualValues(t, i+1, c.Balance)
			db.proxy.OnClient(testbed.Once("\x02insert\x00", action))
			require.NoError(t, r.Insert(t.Context(), &club{ID: int64(10 + i)}), by)
		}
		c, err := r.Get(t.Context(), 1)
		require.NoError(t, err)
		assert.EqualValues(t, 4, c.Balance, "none was done twice")
	}
}

// TestCommitIsUnknownUnlessRefused has the server answer commits with an error. Where it does not say that the
// transaction was not committed, it may have been.
func TestCommitIsUnknownUnlessRefused(t *testing.T) {
	t.Parallel()
	node := singleNode(t)
	fail := newFailPoint(t, node)
	db := proxied(t, node, fail.app)["Open"]
	r := newClubs(t, db.DB)
	commit := func(t *testing.T, id int64) error {
		findAgain(t, r)
		o := &store.TxOptions{EndTimeout: time.Second, Timeout: time.Second}
		return db.Atomic(t.Context(), o, func(ctx context.Context, tx *store.Tx) error {
			return r.In(tx).Insert(ctx, &club{ID: id})
		})
	}
	id := int64(0)
	for _, code := range []int{50, 64, 79, 91, 100, 189, 10107, 11602} {
		t.Run("WriteConcern"+strconv.Itoa(code), func(t *testing.T) { // it is committed
			id++
			fail.on(t, "commitTransaction", doc("writeConcernError", doc("code", code, "errmsg", "x"))...)
			isNamed(t, commit(t, id), store.ErrUnknownOutcome, "Atomic")
			id += 2
			findAgain(t, r)
			err := r.InsertMany(t.Context(), []*club{{ID: id}, {ID: id - 1}})
			isNamed(t, err, store.ErrUnknownOutcome, "InsertMany")
			fail.off(t)
			findAgain(t, r)
			require.Eventually(t, func() bool { // the majority has not been waited for
				all, err := r.GetMany(t.Context(), []int64{id - 2, id - 1, id})
				return err == nil && len(all) == 3
			}, testbed.Patience, time.Millisecond)
		})
	}
	for _, code := range []int{13, 50, 59, 91, 189, 10107, 11600, 11602} {
		t.Run("Error"+strconv.Itoa(code), func(t *testing.T) { // it is not, which nobody says
			id++
			fail.on(t, "commitTransaction", doc("errorCode", code, "errorLabels", bson.A{})...)
			isNamed(t, commit(t, id), store.ErrUnknownOutcome, "Atomic")
			fail.off(t)
		})
	}
	refused := bson.A{"TransientTransactionError"}
	for _, code := range []int{112, 251} {
		t.Run("Refused"+strconv.Itoa(code), func(t *testing.T) {
			id++
			fail.on(t, "commitTransaction", doc("errorCode", code, "errorLabels", refused)...)
			isNamed(t, commit(t, id), store.ErrTransient, "Atomic")
			fail.off(t)
			_, err := r.Get(t.Context(), id)
			require.ErrorIs(t, err, store.ErrNotFound)
		})
	}
	t.Run("LostAndThenRefused", func(t *testing.T) {
		id++
		isLost := false
		db.proxy.OnClient(func(data []byte) testbed.Action {
			if isLost || !bytes.Contains(data, []byte("commitTransaction\x00")) {
				return testbed.Pass
			}
			isLost = true
			return testbed.CutAfter
		})
		db.proxy.OnServer(func([]byte) testbed.Action {
			if isLost {
				fail.on(t, "commitTransaction", doc("errorCode", 251, "errorLabels", refused)...)
			}
			return testbed.Pass
		})
		isNamed(t, commit(t, id), store.ErrUnknownOutcome, "Atomic")
		db.proxy.OnClient(nil)
		db.proxy.OnServer(nil)
		fail.off(t)
		require.Eventually(t, func() bool { _, err := r.Get(t.Context(), id); return err == nil },
			testbed.Patience, time.Millisecond)
	})
}

// TestCommitOfALonelyPrimary stops both secondaries between the write and the commit: the primary commits, finds no
// majority and steps down.
func TestCommitOfALonelyPrimary(t *testing.T) {
	t.Parallel()
	set := testbed.StartMongoFailover(t, 3)
	db := open(t, set.URI(), set.Database(t), nil)
	r := newClubs(t, db)
	require.NoError(t, r.Insert(t.Context(), &club{ID: 1}))
	primary := set.Primary(t)
	for _, n := range set.Nodes() {
		if n != primary {
			defer func() { _ = n.Resume() }() // also where the test fails
		}
	}
	runs := 0
	o := &store.TxOptions{EndTimeout: 3 * time.Second}
	err := db.Atomic(t.Context(), o, func(ctx context.Context, tx *store.Tx) error {
		runs++
		_, err := r.In(tx).Modify(ctx, 1, func(c *club) error { c.Balance++; return nil })
		for _, n := range set.Nodes() {
			if n != primary {
				require.NoError(t, n.Pause())
			}
		}
		return err
	})
	for _, n := range set.Nodes() {
		require.NoError(t, n.Resume())
	}
	isNamed(t, err, store.ErrUnknownOutcome, "Atomic")
	assert.Equal(t, 1, runs)
}

// TestCodesAreTheServers has the server fail with every number of the table, and compares the name that it gives. One
// that it does not know it calls Location and the number: it may be of another version.
func TestCodesAreTheServers(t *testing.T) {
	t.Parallel()
	node := singleNode(t)
	fail := newFailPoint(t, node)
	client := direct(t, with(node.DSN(), "appName="+fail.app))
	known := 0
	for n, name := range mongo.CodeNames() {
		fail.on(t, "count", doc("errorCode", n)...)
		err := client.Database("any").RunCommand(t.Context(), doc("count", "c")).Err()
		e, ok := errors.AsType[mongodriver.CommandError](err)
		require.True(t, ok, "%d: %v", n, err)
		has := e.Name
		if has == "" || name == "" || strings.HasPrefix(has, "Location") { // "" where it closes the connection instead
			continue
		}
		known++
		assert.Equal(t, strings.TrimPrefix(name, "OBSOLETE_"), renamed(has), n)
	}
	assert.Greater(t, known, 100)
}

// renamed is the present name of what an older server names otherwise, without the mark of what is no longer used.
func renamed(name string) string {
	if name == "WriteConcernFailed" {
		return "WriteConcernTimeout"
	}
	return strings.TrimPrefix(name, "OBSOLETE_")
}

// TestRefusalsSayWhatToDo meets errors that no second try can mend: each is told at once, with a text that says what is
// wrong, and the function of Atomic and Modify is not run again.
func TestRefusalsSayWhatToDo(t *testing.T) {
	t.Parallel()
	node := singleNode(t)
	fail := newFailPoint(t, node)
	db := open(t, with(node.DSN(), "appName="+fail.app), testbed.Mongo(t).Database(t), nil)
	r := newClubs(t, db)
	require.NoError(t, r.Insert(t.Context(), &club{ID: 1}))
	for code, want := range map[int]struct {
		is   error
		text string
	}{
		13: {nil, "grant it readWrite"}, 26: {nil, "EnsureSchema"}, 79: {nil, "write concern"},
		100: {nil, "majority"}, 263: {store.ErrUnsupported, "in a transaction"}, 323: {store.ErrUnsupported, "strict"},
		388: {store.ErrInvalid, "cache"}, 10334: {store.ErrInvalid, "16 MiB"},
		257: {store.ErrInvalid, "less in one Atomic"},
	} {
		fail.on(t, "update", doc("errorCode", code)...)
		runs := 0
		credit := func(c *club) error { runs++; c.Balance++; return nil }
		_, alone := r.Modify(t.Context(), 1, credit)
		within := db.Atomic(t.Context(), nil, func(ctx context.Context, tx *store.Tx) error {
			_, err := r.In(tx).Modify(ctx, 1, credit)
			return err
		})
		for _, err := range []error{alone, within} {
			require.ErrorContains(t, err, want.text, code)
			assert.ErrorContains(t, err, "(mongo "+strconv.Itoa(code)+")")
			assert.False(t, store.Retryable(err) || store.MayHaveHappened(err), "%d: %v", code, err)
			if want.is != nil {
				assert.ErrorIs(t, err, want.is)
			}
		}
		assert.Equal(t, 2, runs, code)
	}
}

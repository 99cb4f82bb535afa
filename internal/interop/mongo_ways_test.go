package interop

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/stillframe/stillframe/internal/testbed"
	"github.com/stillframe/stillframe/mongo"
)

// mongoWays are the classes of mongo_client.py by which the service adds.
var mongoWays = []struct{ way, words string }{
	{"SaveCondition", "`m.version = v + 1; m.save(save_condition={'version': v})`"},
	{"Filtered", "`Member.objects(id=…, version=v).update_one(set__gold=…, inc__version=1)`, and look at the number"},
	{"Modify", "`m.modify({'version': v}, set__gold=…, inc__version=1)`, and look whether it is True"},
	{"Counted", "`update_one(inc__gold=1, inc__version=1)`"},
	{"Save", "`m.save()`"},
	{"SaveMoved", "`m.version += 1; m.save()`"},
	{"CountedUnversioned", "`update_one(inc__gold=1)`"},
	{"Twice", "`update_one(set__gold=…)`, then `update_one(inc__version=1)`"},
	{"Replace", "`Member(id=…, …).save()`, a new object of an id that is there"},
}

// TestMongoWays has Go and a service meet on one document, by each way of writing, and looks whether the monitor tells
// of the service's write. The guide's table says what comes of it.
func TestMongoWays(t *testing.T) {
	t.Parallel()
	g := newMongoGame(t)
	told := g.monitor(t)
	b := newTable("how Python adds 1", "Go writes in between", "in between of Modify", "in between of Get and Save",
		"`UnversionedWrites`")
	for _, w := range mongoWays {
		inPython, inModify, inSave := g.rivals.meetings(t, w.way)
		said := told(func(id int64) { g.whole(t, w.way, id) })
		b.row(w.words, string(inPython), string(inModify), string(inSave), said)
		assert.False(t, (inModify.isLoss() || inSave.isLoss()) && said == "silent",
			"%s: what Go overwrites unawares, the monitor tells of", w.way)
	}
	assert.Equal(t, 4, strings.Count(b.text.String(), string(goLost)), "what Python overwrites")
	testbed.Documented(t, "MONGOENGINE.md", "ways", b.text.String(), *update)
}

// TestMongoMovedBack has Go write between what a service reads and its save, which moves the version that it has read
// and asks for none: once, so that the version is what Go has made of it already, or twice, so that it goes back. The
// first is told of, the second where there are images from before.
func TestMongoMovedBack(t *testing.T) {
	t.Parallel()
	g := newMongoGame(t)
	told := g.monitor(t)
	for _, hasImages := range []bool{false, true} {
		require.NoError(t, g.native.RunCommand(t.Context(), bson.D{
			{Key: "collMod", Value: "members"},
			{Key: "changeStreamPreAndPostImages", Value: bson.D{{Key: "enabled", Value: hasImages}}},
		}).Err())
		for n, want := range []string{"silent", "tells: update of `gold`", "tells: update of `gold`, `version`"} {
			if n == 2 && !hasImages {
				want = "silent"
			}
			assert.Equal(t, want, told(func(id int64) {
				must[any](t, g.python, "begin", arguments{"way": "SaveMoved", "id": id})
				for range n {
					_, err := g.members.Modify(t.Context(), id, func(m *Member) error { m.Gold += 5; return nil })
					require.NoError(t, err)
				}
				must[any](t, g.python, "finish", arguments{"way": "SaveMoved"})
			}), "%d writes of Go in between, images: %v", n, hasImages)
		}
	}
}

// whole has the service add 1 with nobody in between.
func (g *mongoGame) whole(t testing.TB, way string, id int64) {
	t.Helper()
	must[any](t, g.python, "begin", arguments{"way": way, "id": id})
	must[any](t, g.python, "finish", arguments{"way": way})
}

// monitor starts the monitor, and returns a function that has something done to a document, and says what the monitor
// tells of it.
func (g *mongoGame) monitor(t *testing.T) func(do func(id int64)) string {
	t.Helper()
	told := make(chan mongo.UnversionedWrite[int64], 1000)
	go func() {
		_ = mongo.UnversionedWrites(t.Context(), g.members, func(w mongo.UnversionedWrite[int64]) { told <- w })
	}()
	next := func() mongo.UnversionedWrite[int64] {
		select {
		case w := <-told:
			return w
		case <-time.After(testbed.Patience):
			t.Fatal("nothing is told")
			panic("not reached")
		}
	}
	require.True(t, next().Gap)
	mark := g.rivals.fresh(t)
	return func(do func(id int64)) string {
		id := g.rivals.fresh(t)
		do(id)
		g.whole(t, "Save", mark)
		said := "silent"
		for w := next(); w.Key != mark; w = next() {
			if w.Key == id {
				said = strings.TrimSuffix("tells: "+w.Op+" of `"+strings.Join(w.Fields, "`, `")+"`", " of ``")
			}
		}
		return said
	}
}

// TestMongoTogether has services and Go add to one document at the same time. What the guide calls safe must be exact
// after as many rounds as it takes until both sides have met conflicts; what it warns of must lose.
func TestMongoTogether(t *testing.T) {
	t.Parallel()
	g := newMongoGame(t)
	services := []*client{g.python, start(t, "mongo_client.py", g.settings)}
	for _, tt := range []struct {
		way    string
		isTold bool // Python meets conflicts
		loses  bool
	}{
		{"SaveCondition", true, false},
		{"Filtered", true, false},
		{"Modify", true, false},
		{"Counted", false, false},
		{"Save", false, true},
		{"SaveMoved", false, true},
		{"CountedUnversioned", false, true},
		{"Twice", false, true},
		{"Replace", false, true},
	} {
		c := g.rivals.together(t, services, tt.way, func(c tally) bool {
			isMet := c.saveAgain > 0 && (c.pythonAgain > 0 || !tt.isTold)
			return c.rounds > 0 && isMet && (c.sum < c.expected || !tt.loses)
		})
		assert.Equal(t, tt.loses, c.sum < c.expected, tt.way)
		assert.Positive(t, c.saveAgain, tt.way)
		assert.Equal(t, tt.isTold, tt.isTold && c.pythonAgain > 0, tt.way)
	}
}

package benchmarks

import (
	"context"
	"database/sql"
	"flag"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"
	mongodriver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/stillframe/stillframe/internal/testbed"
	"github.com/stillframe/stillframe/mongo"
	"github.com/stillframe/stillframe/mysql"
	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/edit"
)

// editRows is the size of the greatest edit of TestCompareEdit.
var editRows = flag.Int("rows", 10_000, "how many rows the greatest edit of TestCompareEdit changes")

// subject is a database with clubs that are to be edited, and what its server tells of itself.
type subject struct {
	title   string
	db      *store.DB
	trips   func() int64 // statements or commands of all clients since the server began
	journal func() int64 // bytes
	byHand  func() error // the same change as one statement
}

// TestCompareEdit measures a planned edit, from 1,000 rows to -rows, ten times as many each time: rows a second of
// Plan, Apply and Undo, what the server was asked, the size of the journal, the most memory that this process held,
// and the time against one statement by hand, which shows nothing, bounds nothing and cannot be taken back.
func TestCompareEdit(t *testing.T) {
	if !*comparing {
		t.Skip("measures only with -compare")
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 8, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\trows\tplan/s\tapply/s\tundo/s\ttrips of apply\tjournal\tmost heap\tby hand\tapply/by hand\t")
	for _, make := range []func(t *testing.T) subject{mysqlSubject, mongoSubject} {
		for rows := 1000; rows <= *editRows; rows *= 10 {
			measureEdit(t, w, make(t), rows)
		}
	}
	require.NoError(t, w.Flush())
}

// measureEdit makes one edit of so many rows, and prints its figures.
func measureEdit(t *testing.T, w *tabwriter.Writer, s subject, rows int) {
	ctx := t.Context()
	clubs := store.MustRepository[Club, int64](s.db, "edited", nil)
	require.NoError(t, clubs.EnsureSchema(ctx))
	for from := 0; from < rows; from += 1000 {
		batch := make([]*Club, 0, 1000)
		for id := from; id < from+1000; id++ {
			batch = append(batch, &Club{ID: int64(id), Name: fmt.Sprint("club ", id), City: "Leicester"})
		}
		require.NoError(t, clubs.InsertMany(ctx, batch))
	}
	journal, err := edit.Open(s.db)
	require.NoError(t, err)
	require.NoError(t, journal.EnsureSchema(ctx))
	e := edit.New(clubs, "gate money", store.Where("City", store.Eq, "Leicester"),
		func(c *Club) error { c.Balance += 50; return nil }, &edit.Options{Most: rows})
	most := heap(t)
	perSecond := func(do func() error) string {
		began := time.Now()
		require.NoError(t, do())
		return fmt.Sprintf("%.0f", float64(rows)/time.Since(began).Seconds())
	}
	plan := perSecond(func() error { _, err := e.Plan(ctx); return err })
	require.NoError(t, e.Approve(ctx, "bob"))
	trips, began := s.trips(), time.Now()
	apply := perSecond(func() error { _, err := e.Apply(ctx); return err })
	took := time.Since(began)
	trips = s.trips() - trips
	began = time.Now()
	require.NoError(t, s.byHand())
	byHand := time.Since(began)
	undo := perSecond(func() error { _, err := e.Undo(ctx, &edit.UndoOptions{Merge: true}); return err })
	fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t%d\t%.1f MB\t%.1f MB\t%v\t%.0f\t\n", s.title, rows, plan, apply, undo, trips,
		float64(s.journal())/1e6, float64(most())/1e6, byHand.Round(time.Millisecond), float64(took)/float64(byHand))
}

// heap looks at the heap until the returned function is called, which returns the most that was in use.
func heap(t *testing.T) func() uint64 {
	ctx, stop := context.WithCancel(t.Context())
	var most uint64
	var looking sync.WaitGroup
	looking.Go(func() {
		for ctx.Err() == nil {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			most = max(most, m.HeapInuse)
			time.Sleep(20 * time.Millisecond)
		}
	})
	return func() uint64 {
		stop()
		looking.Wait()
		return most
	}
}

// mysqlSubject counts what MariaDB has executed.
func mysqlSubject(t *testing.T) subject {
	server := testbed.MariaDB(t)
	dsn := server.Database(t)
	db, err := mysql.Open(t.Context(), dsn, nil)
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	hand, err := sql.Open("mysql", dsn)
	require.NoError(t, err)
	t.Cleanup(func() { _ = hand.Close() })
	one := func(query string) int64 {
		var name, value string
		require.NoError(t, hand.QueryRowContext(t.Context(), query).Scan(&name, &value))
		n, err := strconv.ParseInt(value, 10, 64)
		require.NoError(t, err)
		return n
	}
	return subject{
		title: server.Product() + " " + server.Version(), db: db,
		trips: func() int64 {
			return one("SELECT '', SUM(variable_value) FROM information_schema.global_status WHERE variable_name IN " +
				"('COM_STMT_PREPARE', 'COM_STMT_EXECUTE', 'COM_BEGIN', 'COM_COMMIT', 'COM_ROLLBACK')")
		},
		journal: func() int64 {
			_, err := hand.ExecContext(t.Context(), "ANALYZE TABLE "+edit.JournalTable)
			require.NoError(t, err)
			return one("SELECT table_name, data_length + index_length FROM information_schema.tables " +
				"WHERE table_schema = DATABASE() AND table_name = '" + edit.JournalTable + "'")
		},
		byHand: func() error {
			_, err := hand.ExecContext(t.Context(),
				"UPDATE edited SET balance = balance + 50, version = version + 1 WHERE city = 'Leicester'")
			return err
		},
	}
}

// mongoSubject counts the requests of the node that answers.
func mongoSubject(t *testing.T) subject {
	set := testbed.Mongo(t)
	name := set.Database(t)
	db, err := mongo.Open(t.Context(), set.URI(), name, nil)
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	client, err := mongodriver.Connect(options.Client().ApplyURI(set.URI()))
	require.NoError(t, err)
	t.Cleanup(func() { _ = client.Disconnect(context.WithoutCancel(t.Context())) })
	hand := client.Database(name)
	return subject{
		title: "MongoDB " + set.Version(), db: db,
		trips: func() int64 {
			var status struct{ Network struct{ NumRequests int64 } }
			err := hand.RunCommand(t.Context(), bson.D{{Key: "serverStatus", Value: 1}}).Decode(&status)
			require.NoError(t, err)
			return status.Network.NumRequests
		},
		journal: func() int64 {
			var stats struct{ Size, TotalIndexSize int64 }
			err := hand.RunCommand(t.Context(), bson.D{{Key: "collStats", Value: edit.JournalTable}}).Decode(&stats)
			require.NoError(t, err)
			return stats.Size + stats.TotalIndexSize
		},
		byHand: func() error {
			_, err := hand.Collection("edited").UpdateMany(t.Context(), bson.D{{Key: "city", Value: "Leicester"}},
				bson.D{{Key: "$inc", Value: bson.D{{Key: "balance", Value: 50}, {Key: "version", Value: 1}}}})
			return err
		},
	}
}

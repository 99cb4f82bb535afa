package script

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/storetest/internal/draw"
	"github.com/stillframe/stillframe/store/storetest/internal/entity"
	"github.com/stillframe/stillframe/store/storetest/internal/oracle"
)

// The kinds of operations of the three lists, by weight.
var (
	// Verbs are all calls of a repository, outside a transaction.
	Verbs = map[string]int{
		"get": 4, "get many": 2, "first": 1, "find": 2, "page": 1, "count": 1, "insert": 7, "insert many": 2, "save": 6,
		"touch": 3, "delete": 2, "delete key": 2, "reload": 3, "is stale": 2, "modify": 7, "upsert": 3, "mistake": 3,
		"made key": 3, "change made": 1,
	}
	// Queries are questions to a table that has a column of every kind.
	Queries = map[string]int{
		"put probe": 4, "probes": 6, "probe pages": 3, "probe count": 2, "drop probe": 1, "mistake": 1,
	}
	// Transactions are an Atomic and a View of some verbs, among single calls.
	Transactions = map[string]int{
		"atomic": 5, "view": 2, "insert": 3, "save": 1, "modify": 1, "get": 1, "made key": 1,
	}

	// writeLines and readLines are what may stand in an Atomic, and in a View.
	writeLines = []string{
		"get", "insert", "save", "save", "touch", "delete", "delete key", "reload", "is stale", "modify", "modify",
		"upsert", "insert many", "find", "count", "mistake",
	}
	readLines = []string{"get", "get many", "first", "find", "page", "count", "is stale", "reload", "modify"}
)

// possible returns the kinds that a database with this Info can do, each as often as its weight says.
func possible(weights map[string]int, info store.Info) []string {
	var kinds []string
	for _, kind := range draw.Spread(weights) {
		switch {
		case kind == "atomic" && !info.Transactions, kind == "view" && !info.Views:
		case (kind == "made key" || kind == "change made") && !info.AutoKeys:
		default:
			kinds = append(kinds, kind)
		}
	}
	return kinds
}

// script makes random lines.
type script struct {
	random  *rand.Rand
	columns []oracle.Column
	info    store.Info
	kinds   []string
	probes  int64
}

// pick chooses one of several values.
func pick[V any](s *script, all ...V) V { return all[s.random.IntN(len(all))] }

func (s *script) line() line { return s.of(pick(s, s.kinds...)) }

func (s *script) key() int64 { return s.random.Int64N(6) + 1 }

// change returns a random change of some fields, and the change in words. It does the same to every item.
func (s *script) change() (func(*item), string) {
	names := []string{"a", "b", "c", "d", "e", "A", "é", "日本", "😀", "x y", "'", "%"}
	name, note := pick(s, names...), pick(s, "", "note", "NULL", "ß")
	count, real := s.random.Int64N(20)-5, pick(s, 0, 0.5, -1e300, 3e-308, 1<<53)
	price := pick(s, "0", "1.5", "-10.2500", "922337203685477.5807", "0.0001")
	at := pick(
		s, time.Time{}, entity.Kickoff, entity.Kickoff.Add(time.Hour),
		time.Date(9999, 12, 31, 23, 59, 59, 999999999, time.UTC),
		time.Date(1969, 12, 31, 23, 59, 59, 500, time.FixedZone("", 3600)),
	)
	data := pick(s, nil, []byte{}, []byte{0}, []byte("abc"))
	tags, part := pick(s, nil, []string{}, []string{"x"}, []string{"x", "", "ü"}), s.random.Int64N(3)
	fields := s.random.IntN(256)
	sets := []func(i *item){
		func(i *item) { i.Name = name },
		func(i *item) { i.Note = &note },
		func(i *item) { i.Note = nil },
		func(i *item) { i.Count = count },
		func(i *item) { i.Real, i.Price = real, price },
		func(i *item) { i.At, i.Data = at, data },
		func(i *item) { i.Tags = tags },
		func(i *item) {
			if i.Parts == nil {
				i.Parts = map[string]int64{}
			}
			i.Parts["p"] = part // in place
		},
	}
	text := fmt.Sprintf(
		"fields %08b, name %q note %q count %d real %v price %s at %v data %#v tags %q part %d",
		fields, name, note, count, real, price, at, data, tags, part,
	)
	return func(i *item) {
		for bit, set := range sets {
			if fields&(1<<bit) != 0 {
				set(i)
			}
		}
	}, text
}

// fresh returns what makes a new item, and the item in words.
func (s *script) fresh() (func() *item, string) {
	key := s.key()
	change, text := s.change()
	return func() *item {
		i := &item{ID: key, Name: fmt.Sprint("n", key), Price: "0"}
		change(i)
		return i
	}, fmt.Sprintf("%d, %s", key, text)
}

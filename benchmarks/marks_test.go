package benchmarks

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/memstore"
)

// Squad has a JSON field beside plain ones.
type Squad struct {
	store.Snapshot
	ID      int64  `store:"key"`
	Name    string `store:"size=60"`
	Balance int64
	Players []struct {
		Name   string
		Skills map[string]int64
	} `store:"json"`
}

// BenchmarkMarks is what RepositoryOptions.SkipUnchanged costs each read, on the embedded backend, where nothing else
// takes long: a Get, and a page of 50, of plain fields and with 11 players in JSON.
func BenchmarkMarks(b *testing.B) {
	ctx := context.Background()
	db := memstore.Open(nil)
	for _, o := range []store.RepositoryOptions{{}, {SkipUnchanged: true}} {
		clubs := store.MustRepository[Club, int64](db, fmt.Sprint("clubs_", o.SkipUnchanged), &o)
		squads := store.MustRepository[Squad, int64](db, fmt.Sprint("squads_", o.SkipUnchanged), &o)
		for i := range int64(50) {
			require.NoError(b, clubs.Insert(ctx, &Club{ID: i, Name: fmt.Sprint("club ", i), City: "Leicester"}))
			s := Squad{ID: i, Name: fmt.Sprint("squad ", i)}
			s.Players = append(s.Players, make([]struct {
				Name   string
				Skills map[string]int64
			}, 11)...)
			for j := range s.Players {
				s.Players[j].Name = fmt.Sprint("player ", j)
				s.Players[j].Skills = map[string]int64{"pace": 7, "passing": 8, "shooting": 9}
			}
			require.NoError(b, squads.Insert(ctx, &s))
		}
		name := map[bool]string{false: "Without", true: "With"}[o.SkipUnchanged]
		for what, work := range map[string]func() error{
			"Get":      func() error { _, err := clubs.Get(ctx, 7); return err },
			"Page50":   func() error { _, _, err := clubs.Page(ctx, store.Query{}.Limit(50)); return err },
			"GetJSON":  func() error { _, err := squads.Get(ctx, 7); return err },
			"PageJSON": func() error { _, _, err := squads.Page(ctx, store.Query{}.Limit(50)); return err },
		} {
			b.Run(what+"/"+name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if err := work(); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

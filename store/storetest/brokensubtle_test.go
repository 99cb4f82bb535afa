package storetest_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/stillframe/stillframe/store/driver"
	"github.com/stillframe/stillframe/store/memstore"
	"github.com/stillframe/stillframe/store/storetest/internal/intercept"
)

// subtleBackends are wrong now and then, or where several things meet: the tests that look at one
// thing pass. Those with only are caught by a history or a transcript and by no other test, those with
// faults by histories under faults.
var subtleBackends = []broken{
	{
		name: "RemembersThatAKeyIsMissing", only: true, perHandle: true,
		breaks: []string{"Versions/HistoryIsLinearizable"}, hook: remembersMissing,
	},
	{
		name: "ChecksTheVersionBeforeItDeletes", only: true, breaks: []string{"Versions/HistoryIsLinearizable"},
		hook: checksThenDeletes,
	},
	{
		name: "ShowsUncommittedRowsNowAndThen", only: true, breaks: []string{"Atomic/HistoryIsSerializable"},
		hook: showsUncommitted,
	},
	{name: "CommitsTwoOfThreeRows", only: true, breaks: []string{"Atomic/HistoryIsSerializable"}, hook: commitsSome},
	{
		name: "RevivesColumnsOfADeletedRow", only: true, breaks: []string{"SameValues/TranscriptIsThatOfMemstore"},
		hook: revives,
	},
	{
		name: "LosesAnInsertAfterARefusalInATx", only: true, breaks: []string{"Atomic/TranscriptIsThatOfMemstore"},
		hook: losesInserts,
	},
	{
		name: "SaysThatNoVersionHasMoved", breaks: []string{"Versions/UnchangedSaveHasItsErrors"},
		hook: saysFirstVersion,
	},
	{
		name: "HangsForATime", breaks: []string{"Modify/ManyOnOneEntity", "Atomic/ConcurrentTransfers"},
		shows: []string{"not back after", `"worker `, "storetest_test.hangsForATime"}, hook: hangsForATime,
		patience: "1s",
	},
	{
		name: "HangsForEver", breaks: []string{"Modify/ManyOnOneEntity"}, patience: "1s",
		shows: []string{"nor after the end of the context", "goroutines are left", "storetest_test.hangsForEver"},
		hook:  hangsForEver,
	},
	{
		name: "CountsOneForAllCallsOfAWrite", breaks: []string{"CombinedCalls/ManyOnOneEntity"},
		hook: onUpdate(func(_ context.Context, _ *intercept.Call, p *driver.UpdateParams) {
			p.Next = min(p.Next, p.Expect+1)
		}),
	},
	{name: "SkipsARowOfMany", breaks: []string{"ManyAtOnce/SaveManyIsAllOrNone"}, hook: skipsRows},
	{
		name: "TellsOfEveryOtherWrite", breaks: []string{"ToldWrites/ChangesOfEverybody"}, patience: "300ms",
		hook: onWatch(func(p *driver.WatchParams) {
			count, wrote := 0, p.Wrote
			p.Wrote = func(keys []any) {
				for _, key := range keys {
					if count++; count%2 == 0 {
						wrote([]any{key})
					}
				}
			}
		}),
	},
	{
		name: "TellsOnlyThatSomethingWasWritten", breaks: []string{"ToldWrites/ChangesOfEverybody"}, patience: "300ms",
		hook: onWatch(func(p *driver.WatchParams) { p.Wrote = func([]any) { p.All() } }),
	},
	{
		name: "SaysThatItTellsAndDoesNot", breaks: []string{"ToldWrites/ChangesOfACommit"}, patience: "300ms",
		hook: onWatch(func(p *driver.WatchParams) { p.Wrote = func([]any) {} }),
	},
	{
		name: "StopsTelling", breaks: []string{"ToldWrites/ChangesOfEverybody"}, patience: "300ms",
		hook: func(*memstore.Database) intercept.Hook {
			return func(ctx context.Context, c *intercept.Call, next intercept.Next) error {
				if p, ok := c.Params.(*driver.WatchParams); ok {
					p.All()
					return nil
				}
				return next(ctx)
			}
		},
	},
	{
		name: "CopiesShareMemory", breaks: []string{"CombinedCalls/Copies"},
		hook: after(intercept.Copy, func(c *intercept.Call, err error) error {
			p := c.Params.(*intercept.CopyParams)
			for i := range c.Spec.Fields {
				f := &c.Spec.Fields[i]
				p.Dst.Field(f).Set(p.Src.Field(f))
			}
			return err
		}),
	},
	{name: "LosesAnAcknowledgedWrite", faults: true, breaks: []string{"UnderFaults"}, hook: losesWrites},
	{name: "RetriesAnUnknownWriteUnderFaults", faults: true, breaks: []string{"UnderFaults"}, hook: retriesBlindly},
	{
		name: "SaysThatALostWriteFailedUnderFaults", faults: true, breaks: []string{"UnderFaults"},
		hook: after("", func(_ *intercept.Call, err error) error {
			if injected, ok := errors.AsType[*intercept.Error](err); ok && injected.Fault.Sent {
				return &intercept.Error{Fault: driver.Fault{Class: driver.Unavailable}}
			}
			return err
		}),
	},
}

// onWatch changes what a Watch tells.
func onWatch(change func(p *driver.WatchParams)) func(*memstore.Database) intercept.Hook {
	return func(*memstore.Database) intercept.Hook {
		return func(ctx context.Context, c *intercept.Call, next intercept.Next) error {
			if p, ok := c.Params.(*driver.WatchParams); ok {
				change(p)
			}
			return next(ctx)
		}
	}
}

// skipsRows says of each third write of a row in a transaction that it was done, and does not do it.
func skipsRows(*memstore.Database) intercept.Hook {
	var updates atomic.Int64
	return func(ctx context.Context, c *intercept.Call, next intercept.Next) error {
		p, ok := c.Params.(*driver.UpdateParams)
		if !ok || p.Tx == nil || updates.Add(1)%3 != 0 {
			return next(ctx)
		}
		*c.Result.(*driver.WriteResult) = driver.WriteResult{Outcome: driver.Applied, Stored: p.Next}
		return nil
	}
}

// hangsForATime has a write now and then come back only with its context. Whoever waits for it must give up,
// name it and leave no goroutine behind.
func hangsForATime(*memstore.Database) intercept.Hook {
	var updates atomic.Int64
	return func(ctx context.Context, c *intercept.Call, next intercept.Next) error {
		if c.Op == intercept.Update && updates.Add(1)%20 == 0 {
			<-ctx.Done()
			return ctx.Err()
		}
		return next(ctx)
	}
}

// hangsForEver has a write now and then never come back.
func hangsForEver(*memstore.Database) intercept.Hook {
	var updates atomic.Int64
	return func(ctx context.Context, c *intercept.Call, next intercept.Next) error {
		if c.Op == intercept.Update && updates.Add(1)%20 == 0 {
			select {}
		}
		return next(ctx)
	}
}

// remembersMissing keeps in each handle which keys were not there, until that handle inserts them.
func remembersMissing(*memstore.Database) intercept.Hook {
	var mu sync.Mutex
	missing := map[string]bool{}
	return func(ctx context.Context, c *intercept.Call, next intercept.Next) error {
		p, isGet := c.Params.(*driver.GetParams)
		if _, ok := c.Params.(*driver.InsertParams); ok {
			mu.Lock()
			clear(missing)
			mu.Unlock()
		}
		if !isGet || p.Tx != nil || !p.Base.IsZero() {
			return next(ctx)
		}
		key := c.Spec.Table + keyText(p.Key)
		mu.Lock()
		known := missing[key]
		delete(missing, key)
		mu.Unlock()
		if known {
			return nil // not found
		}
		err := next(ctx)
		if err == nil && !c.Result.(*driver.GetResult).Found {
			mu.Lock()
			missing[key] = true
			mu.Unlock()
		}
		return err
	}
}

// checksThenDeletes looks at the version, and then deletes whatever is there.
func checksThenDeletes(*memstore.Database) intercept.Hook {
	return func(ctx context.Context, c *intercept.Call, next intercept.Next) error {
		p, ok := c.Params.(*driver.DeleteParams)
		if !ok || p.Any {
			return next(ctx)
		}
		v, err := c.Collection.Version(ctx, &driver.VersionParams{Tx: p.Tx, Key: p.Key})
		if err == nil && v.Found && v.Version == p.Expect {
			for range 50 {
				runtime.Gosched()
			}
			p.Any = true
		}
		return next(ctx)
	}
}

// saysFirstVersion takes each row outside a transaction for one that was written once.
func saysFirstVersion(*memstore.Database) intercept.Hook {
	return func(ctx context.Context, c *intercept.Call, next intercept.Next) error {
		err := next(ctx)
		if p, ok := c.Params.(*driver.VersionParams); ok && p.Tx == nil && err == nil {
			c.Result.(*driver.VersionResult).Version = 1
		}
		return err
	}
}

// writesOf keeps what the open transactions have written.
type writesOf struct {
	mu   sync.Mutex
	rows map[driver.Tx][]written
}

type written struct {
	table  string
	key    any
	record reflect.Value  // a copy of the entity, with its new version
	before map[string]any // the columns as they were
}

func (w *writesOf) add(native *memstore.Database, c *intercept.Call) {
	p, ok := c.Params.(*driver.UpdateParams)
	if !ok || c.Tx == nil {
		return
	}
	copied := reflect.New(c.Spec.Type)
	copied.Elem().Set(reflect.ValueOf(p.Record.Pointer()).Elem())
	driver.RecordOf(copied.Interface()).Field(&c.Spec.Version).SetInt(p.Next)
	before, _ := native.Row(c.Spec.Table, p.Key)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.rows[c.Tx] = append(w.rows[c.Tx], written{c.Spec.Table, p.Key, copied, before})
}

func (w *writesOf) take(tx driver.Tx) []written {
	w.mu.Lock()
	defer w.mu.Unlock()
	rows := w.rows[tx]
	delete(w.rows, tx)
	return rows
}

// showsUncommitted has a read of many keys see what open transactions have written.
func showsUncommitted(native *memstore.Database) intercept.Hook {
	w := &writesOf{rows: map[driver.Tx][]written{}}
	return func(ctx context.Context, c *intercept.Call, next intercept.Next) error {
		if c.Op == intercept.Commit || c.Op == intercept.Rollback {
			w.take(c.Tx)
		}
		w.add(native, c)
		p, ok := c.Params.(*driver.FindParams)
		if !ok || p.Tx != nil || len(p.Keys) < 3 {
			return next(ctx)
		}
		records := record(c)
		err := next(ctx)
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, r := range *records {
			for _, rows := range w.rows {
				for _, row := range rows {
					if row.table == c.Spec.Table && row.key == r.Field(&c.Spec.Key).Interface() {
						reflect.ValueOf(r.Pointer()).Elem().Set(row.record.Elem())
					}
				}
			}
		}
		return err
	}
}

// commitsSome forgets, now and then, the last of three rows that a transaction has changed.
func commitsSome(native *memstore.Database) intercept.Hook {
	w := &writesOf{rows: map[driver.Tx][]written{}}
	var commits atomic.Int64
	return func(ctx context.Context, c *intercept.Call, next intercept.Next) error {
		w.add(native, c)
		err := next(ctx)
		switch c.Op {
		case intercept.Rollback:
			w.take(c.Tx)
		case intercept.Commit:
			rows := w.take(c.Tx)
			if err == nil && len(rows) == 3 && commits.Add(1)%3 == 0 {
				return restore(ctx, native, rows[2])
			}
		}
		return err
	}
}

// restore puts a row back as it was.
func restore(ctx context.Context, native *memstore.Database, row written) error {
	columns := map[string]any{}
	for name, value := range row.before {
		if name != "id" {
			columns[name] = value
		}
	}
	return native.Put(ctx, row.table, row.key, columns)
}

// revives gives a row the columns that it had before it was deleted, where it has none.
func revives(native *memstore.Database) intercept.Hook {
	var mu sync.Mutex
	dead := map[string]map[string]any{}
	return func(ctx context.Context, c *intercept.Call, next intercept.Next) error {
		if p, ok := c.Params.(*driver.DeleteParams); ok && p.Tx == nil {
			row, found := native.Row(c.Spec.Table, p.Key)
			mu.Lock()
			if found {
				dead[c.Spec.Table+keyText(p.Key)] = row
			}
			mu.Unlock()
		}
		err := next(ctx)
		p, ok := c.Params.(*driver.InsertParams)
		if !ok || err != nil || p.Tx != nil || c.Spec.KeyAuto || c.Spec.Key.Kind == driver.Composite {
			return err
		}
		for _, r := range p.Records {
			key := r.Field(&c.Spec.Key).Interface()
			row, _ := native.Row(c.Spec.Table, key)
			mu.Lock()
			old := dead[c.Spec.Table+keyText(key)]
			mu.Unlock()
			for name, value := range old {
				if _, there := row[name]; !there {
					err = errors.Join(err, native.Put(ctx, c.Spec.Table, key, map[string]any{name: value}))
				}
			}
		}
		return err
	}
}

// losesInserts forgets, at the commit, what a transaction has inserted after one of its writes was
// refused, as after a savepoint that was rolled back too far.
func losesInserts(native *memstore.Database) intercept.Hook {
	var mu sync.Mutex
	refused := map[driver.Tx]bool{}
	inserted := map[driver.Tx][]func(context.Context) error{}
	return func(ctx context.Context, c *intercept.Call, next intercept.Next) error {
		err := next(ctx)
		mu.Lock()
		defer mu.Unlock()
		switch w, isWrite := c.Result.(*driver.WriteResult); {
		case c.Tx == nil || err != nil:
		case isWrite && w.Outcome == driver.Stale:
			refused[c.Tx] = true
		case c.Op == intercept.Insert && refused[c.Tx] && !c.Spec.KeyAuto:
			table, key := c.Spec.Table, c.Params.(*driver.InsertParams).Records[0].Field(&c.Spec.Key).Interface()
			inserted[c.Tx] = append(
				inserted[c.Tx], func(ctx context.Context) error { return native.Remove(ctx, table, key) },
			)
		case c.Op == intercept.Commit:
			for _, remove := range inserted[c.Tx] {
				err = errors.Join(err, remove(ctx))
			}
		}
		return err
	}
}

// losesWrites acknowledges a write now and then that is gone soon after.
func losesWrites(native *memstore.Database) intercept.Hook {
	var writes atomic.Int64
	return func(ctx context.Context, c *intercept.Call, next intercept.Next) error {
		p, ok := c.Params.(*driver.UpdateParams)
		if !ok || p.Tx != nil {
			return next(ctx)
		}
		before, _ := native.Row(c.Spec.Table, p.Key)
		err := next(ctx)
		if err == nil && c.Result.(*driver.WriteResult).Outcome == driver.Applied && writes.Add(1)%15 == 0 {
			return restore(ctx, native, written{table: c.Spec.Table, key: p.Key, before: before})
		}
		return err
	}
}

// retriesBlindly sends an update again whose answer was lost, on whatever version is there.
func retriesBlindly(*memstore.Database) intercept.Hook {
	return func(ctx context.Context, c *intercept.Call, next intercept.Next) error {
		err := next(ctx)
		p, ok := c.Params.(*driver.UpdateParams)
		injected, lost := errors.AsType[*intercept.Error](err)
		if !ok || p.Tx != nil || !lost || !injected.Fault.Sent {
			return err
		}
		v, err := c.Collection.Version(ctx, &driver.VersionParams{Key: p.Key})
		if err != nil {
			return err
		}
		again := *p
		again.Expect, again.Next = v.Version, v.Version+1
		*c.Result.(*driver.WriteResult), err = c.Collection.Update(ctx, &again)
		return err
	}
}

// leavesMoved sets the version in memory to the one that a transaction has written, after it was
// rolled back.
func leavesMoved(*memstore.Database) intercept.Hook {
	var mu sync.Mutex
	moved := map[driver.Tx][]func(){}
	return func(ctx context.Context, c *intercept.Call, next intercept.Next) error {
		err := next(ctx)
		mu.Lock()
		defer mu.Unlock()
		if p, ok := c.Params.(*driver.UpdateParams); ok && c.Tx != nil && err == nil {
			version, to := p.Record.Field(&c.Spec.Version), p.Next
			moved[c.Tx] = append(moved[c.Tx], func() { version.SetInt(to) })
		}
		if c.Op == intercept.Rollback {
			for _, move := range moved[c.Tx] {
				move()
			}
		}
		return err
	}
}

func keyText(key any) string { return fmt.Sprint(" ", key) }

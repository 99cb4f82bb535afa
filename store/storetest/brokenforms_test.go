package storetest_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stillframe/stillframe/store/driver"
	"github.com/stillframe/stillframe/store/memstore"
	"github.com/stillframe/stillframe/store/storetest/internal/intercept"
)

var snapshot = memstore.Options{SnapshotReads: true}

// brokenBackends are the mistakes that were met in the field, and a few that are easily made.
var brokenBackends = []broken{
	{
		name: "NeverChecksTheVersion", breaks: []string{"Versions", "NamedOutcomes", "Modify", "ReloadAndModifyInTx"},
		hook: onUpdate(func(ctx context.Context, c *intercept.Call, p *driver.UpdateParams) {
			if v, err := c.Collection.Version(ctx, &driver.VersionParams{Tx: c.Tx, Key: p.Key}); err == nil && v.Found {
				p.Expect = v.Version
			}
		}),
	},
	{name: "DeletesWhateverTheVersion", breaks: []string{"NamedOutcomes"}, hook: on(func(c *intercept.Call) {
		if p, ok := c.Params.(*driver.DeleteParams); ok {
			p.Any = true
		}
	})},
	{
		name: "DoesNotMoveTheVersion", breaks: []string{"Versions", "Modify"},
		hook: onUpdate(func(_ context.Context, _ *intercept.Call, p *driver.UpdateParams) { p.Next = p.Expect }),
	},
	{
		name: "MovesTheVersionByTwo", breaks: []string{"Versions", "Modify"},
		hook: onUpdate(func(_ context.Context, _ *intercept.Call, p *driver.UpdateParams) { p.Next = p.Expect + 2 }),
	},
	{name: "InsertsVersionZero", breaks: []string{"Versions"}, hook: on(func(c *intercept.Call) {
		if p, ok := c.Params.(*driver.InsertParams); ok {
			p.Version = 0
		}
	})},
	{name: "TakesNoMissingVersionForZero", breaks: []string{"Versions"}, hook: staleWhereMissing},
	{
		name: "MovesTheVersionInMemoryOnFailure", breaks: []string{"Versions", "NamedOutcomes"},
		hook: after(intercept.Update, func(c *intercept.Call, err error) error {
			p := c.Params.(*driver.UpdateParams)
			if result := c.Result.(*driver.WriteResult); result.Outcome != driver.Applied {
				p.Record.Field(&c.Spec.Version).SetInt(p.Next)
			}
			return err
		}),
	},
	{name: "LeavesTheVersionMovedAfterARollback", breaks: []string{"TxThatDoesNotCommit"}, hook: leavesMoved},
	{
		name: "CallsStaleMissing", breaks: []string{"NamedOutcomes", "Versions"},
		hook: outcome(driver.Stale, driver.Missing),
	},
	{
		name: "CallsMissingStale", breaks: []string{"NamedOutcomes", "NoAccidentalUpsert"},
		hook: outcome(driver.Missing, driver.Stale),
	},
	{
		name: "CallsADuplicateSomethingElse", breaks: []string{"NamedOutcomes", "Schema", "Modify"},
		hook: faultsAre(driver.Duplicate, driver.Fault{Class: driver.Other}),
	},
	{
		name: "DoesNotNameTheIndex", breaks: []string{"NamedOutcomes", "Schema"},
		hook: faultsAre(driver.Duplicate, driver.Fault{Class: driver.Duplicate}),
	},
	{name: "ShowsAValueInTheConstraint", breaks: []string{"Errors", "NamedOutcomes"}, hook: valueInConstraint},
	{name: "UpsertsOnUpdate", breaks: []string{"NoAccidentalUpsert", "NamedOutcomes"}, hook: upserts},
	{name: "InsertOverwrites", breaks: []string{"NoAccidentalUpsert", "NamedOutcomes"}, hook: overwrites},
	{name: "InsertsSomeOfMany", breaks: []string{"NoAccidentalUpsert"}, hook: insertsSome},
	{name: "WipesUnmappedColumns", breaks: []string{"NoAccidentalUpsert"}, hook: wipes},
	{
		name: "WipesUnmappedNestedFields", breaks: []string{"NoAccidentalUpsert/KeepsWhatANestedStructDoesNotMap"},
		claim: func(i driver.Info) driver.Info { // which writes each nested value whole
			i.NestedPaths = true
			return i
		},
	},
	{
		name: "WritesAllFieldsInModify", breaks: []string{"Modify"},
		hook: onUpdate(func(_ context.Context, _ *intercept.Call, p *driver.UpdateParams) {
			if len(p.Fields) > 0 {
				p.Fields = nil
			}
		}),
	},
	{
		name: "WritesAllFieldsInTouch", breaks: []string{"Versions"},
		hook: onUpdate(func(_ context.Context, _ *intercept.Call, p *driver.UpdateParams) {
			if len(p.Fields) == 0 {
				p.Fields = nil
			}
		}),
	},
	{name: "SharesMemoryBetweenReads", breaks: []string{"Copies"}, hook: sharesReads},
	{name: "SharesMemoryBetweenCopyAndBase", breaks: []string{"Modify"}, hook: sharesBase},
	{name: "AnswersFromACache", breaks: []string{"FreshReads", "Modify"}, hook: caches},
	{name: "KeepsThePointerOfANull", breaks: []string{"Reload"}, hook: keepsPointers},
	{name: "ReloadsHalf", breaks: []string{"Reload"}, hook: reading(func(c *intercept.Call, r driver.Record) {
		for i := range c.Spec.Fields {
			if c.Spec.Fields[i].Kind == driver.Nested {
				r.Field(&c.Spec.Fields[i]).SetZero()
			}
		}
	})},
	{
		name: "IgnoresRollback", breaks: []string{"TxThatDoesNotCommit", "Atomic"},
		hook: replaced(
			intercept.Rollback, func(ctx context.Context, c *intercept.Call) error { return c.Tx.Commit(ctx) },
		),
	},
	{
		name: "CommitsNothing", breaks: []string{"Atomic", "TxThatDoesNotCommit"},
		hook: replaced(
			intercept.Commit, func(ctx context.Context, c *intercept.Call) error { return c.Tx.Rollback(ctx) },
		),
	},
	{
		name: "SwallowsACommitError", breaks: []string{"UnknownOutcome"},
		hook: after(intercept.Commit, func(*intercept.Call, error) error { return nil }),
	},
	{
		name: "CallsADeadlockSomethingElse", breaks: []string{"ReloadAndModifyInTx"},
		hook: faultsAre(driver.LockFailure, driver.Fault{Class: driver.Other}),
	},
	{
		name: "CallsAWriteConflictSomethingElse", breaks: []string{"ReloadAndModifyInTx", "Atomic"}, options: snapshot,
		hook: faultsAre(driver.Conflict, driver.Fault{Class: driver.Other}),
	},
	{
		name: "DoesNotSeeItsOwnWrites", breaks: []string{"ReadsInTx"}, options: snapshot,
		hook: on(func(c *intercept.Call) {
			if p, ok := c.Params.(*driver.FindParams); ok {
				p.Tx = nil
			}
		}),
	},
	{name: "TearsAView", breaks: []string{"ReadsInTx"}, hook: on(func(c *intercept.Call) {
		if p, ok := c.Params.(*driver.BeginParams); ok {
			p.View = false
		}
	})},
	{name: "ClaimsOneMomentInATx", breaks: []string{"ReadsInTx"}, claim: func(i driver.Info) driver.Info {
		i.LockingReads, i.SnapshotTx = false, true
		return i
	}},
	{
		name: "ClaimsLockingReads", breaks: []string{"ReloadAndModifyInTx"}, options: snapshot,
		claim: func(i driver.Info) driver.Info {
			i.LockingReads, i.SnapshotTx = true, false
			return i
		},
	},
	{name: "ParsesLocksOnly", breaks: []string{"ReloadAndModifyInTx"}, hook: on(func(c *intercept.Call) {
		if p, ok := c.Params.(*driver.GetParams); ok {
			p.Lock = false
		}
	})},
	{
		name: "IgnoresTheOrder", breaks: []string{"Find", "Queries"},
		hook: onFind(func(_ *intercept.Call, p *driver.FindParams) {
			if n := len(p.Order); n > 1 {
				p.Order = p.Order[n-1:]
			}
		}),
	},
	{
		name: "IgnoresDescending", breaks: []string{"Find", "Queries"},
		hook: onFind(func(_ *intercept.Call, p *driver.FindParams) {
			p.Order = append([]driver.Order{}, p.Order...)
			for i := range p.Order {
				p.Order[i].Desc = false
			}
		}),
	},
	{
		name: "FindsNoMoreThanAPage", breaks: []string{"Find", "Queries"},
		hook: after(intercept.Find, func(c *intercept.Call, err error) error {
			c.Result.(*driver.FindResult).More = false
			return err
		}),
	},
	{
		name: "ReadsOneOfManyKeys", breaks: []string{"Find", "Copies"},
		hook: onFind(func(_ *intercept.Call, p *driver.FindParams) {
			if len(p.Keys) > 1 {
				p.Keys = p.Keys[:1]
			}
		}),
	},
	{name: "FindsNoNull", breaks: []string{"Queries"}, hook: filters(func(f *driver.Filter) {
		if f.Op == driver.IsNull {
			*f = driver.Filter{Op: driver.Or}
		}
	})},
	{name: "NeIsTrueOfNull", breaks: []string{"Queries"}, hook: filters(func(f *driver.Filter) {
		if f.Op == driver.Ne {
			ne := *f
			*f = driver.Filter{Op: driver.Or, Sub: []*driver.Filter{&ne, {Op: driver.IsNull, Field: f.Field}}}
		}
	})},
	{name: "PrefixIsAPattern", breaks: []string{"Queries"}, hook: filters(func(f *driver.Filter) {
		if s, ok := f.Value.(string); ok && f.Op == driver.Prefix && strings.Contains(s, "%") {
			f.Value, _, _ = strings.Cut(s, "%")
		}
	})},
	{name: "FoldsCase", breaks: []string{"Queries"}, hook: filters(func(f *driver.Filter) {
		if s, ok := f.Value.(string); ok && f.Op == driver.Eq && strings.ToLower(s) != strings.ToUpper(s) {
			lower, upper := *f, *f
			lower.Value, upper.Value = strings.ToLower(s), strings.ToUpper(s)
			*f = driver.Filter{Op: driver.Or, Sub: []*driver.Filter{&lower, &upper}}
		}
	})},
	{name: "LooksForOneRowMoreThanAnIntHolds", breaks: []string{"Find"}, hook: onFind(
		func(_ *intercept.Call, p *driver.FindParams) {
			if p.Peek && p.Limit == math.MaxInt {
				p.Limit = 1 // which is what a backend makes of a limit below 1
			}
		},
	)},
	{name: "CountsEverything", breaks: []string{"Queries"}, hook: on(func(c *intercept.Call) {
		if p, ok := c.Params.(*driver.CountParams); ok {
			p.Filter = nil
		}
	})},
	{
		// A read by a primary that has lost its majority shows a receipt that the others never get.
		name: "ShowsAReceiptThatIsNotThere", breaks: []string{"Once"},
		hook: after(intercept.Get, func(c *intercept.Call, err error) error {
			if p := c.Params.(*driver.GetParams); p.Confirmed {
				c.Result.(*driver.GetResult).Found = true
				p.Into.Field(&c.Spec.Key).Set(reflect.ValueOf(p.Key))
			}
			return err
		}),
	},
	{name: "RetriesAnUnknownWrite", breaks: []string{"UnknownOutcome"}, hook: retriesUnknown},
	{
		name: "SaysThatALostWriteDidNotHappen", breaks: []string{"UnknownOutcome"},
		hook: after("", func(_ *intercept.Call, err error) error {
			if errors.Is(err, memstore.ErrLostAfter) || errors.Is(err, memstore.ErrLostBefore) {
				return &intercept.Error{Fault: driver.Fault{Class: driver.Unavailable}}
			}
			return err
		}),
	},
	{
		name: "CutsTimesInTheDatabaseOnly", breaks: []string{"SameValues"},
		hook: reading(func(c *intercept.Call, r driver.Record) {
			for i := range c.Spec.Fields {
				if t, ok := r.Field(&c.Spec.Fields[i]).Addr().Interface().(*time.Time); ok {
					*t = t.Truncate(time.Millisecond)
				}
			}
		}),
	},
	{
		name: "ReadsTimesInAnotherZone", breaks: []string{"SameValues"},
		hook: reading(func(c *intercept.Call, r driver.Record) {
			for i := range c.Spec.Fields {
				if t, ok := r.Field(&c.Spec.Fields[i]).Addr().Interface().(*time.Time); ok {
					*t = t.In(time.FixedZone("", 3600))
				}
			}
		}),
	},
	{name: "TakesEmptyForNull", breaks: []string{"SameValues"}, hook: reading(func(c *intercept.Call, r driver.Record) {
		for i := range c.Spec.Fields {
			if b, ok := r.Field(&c.Spec.Fields[i]).Addr().Interface().(*[]byte); ok && len(*b) == 0 {
				*b = nil
			}
		}
	})},
	{
		name: "ReadsIntegersAsFloats", breaks: []string{"SameValues"},
		hook: reading(func(c *intercept.Call, r driver.Record) {
			for i := range c.Spec.Fields {
				if n, ok := r.Field(&c.Spec.Fields[i]).Addr().Interface().(*int64); ok {
					*n = int64(float64(*n) * (1 - 1e-16))
				}
			}
		}),
	},
	{name: "TrimsText", breaks: []string{"SameValues"}, hook: reading(func(c *intercept.Call, r driver.Record) {
		for i := range c.Spec.Fields {
			if s, ok := r.Field(&c.Spec.Fields[i]).Addr().Interface().(*string); ok {
				*s = strings.TrimRight(*s, " ")
			}
		}
	})},
	{name: "IgnoresCancellation", breaks: []string{"Cancellation"}, hook: func(*memstore.Database) intercept.Hook {
		return func(ctx context.Context, _ *intercept.Call, next intercept.Next) error {
			return next(context.WithoutCancel(ctx))
		}
	}},
	{name: "WritesAfterCancellation", breaks: []string{"Cancellation"}, hook: writesLater},
	{
		name: "LeaksATransaction", breaks: []string{"NothingLeaks/LocksAreFreedWhereATxWasAbandoned"},
		options: memstore.Options{LockTimeout: 50 * time.Millisecond},
		hook:    replaced(intercept.Rollback, func(context.Context, *intercept.Call) error { return nil }),
	},
	{name: "LeaksAGoroutine", breaks: []string{"NothingLeaks"}, hook: on(func(c *intercept.Call) {
		if c.Op == intercept.Begin {
			go func() { select {} }()
		}
	})},
	{
		name: "ReturnsMadeKeysInAnotherOrder", breaks: []string{"Mapping"},
		hook: after(intercept.Insert, func(c *intercept.Call, err error) error {
			if keys := c.Result.(*driver.InsertResult).Keys; len(keys) > 1 {
				keys[0], keys[len(keys)-1] = keys[len(keys)-1], keys[0]
			}
			return err
		}),
	},
	{name: "LooksAtOnePartOfTheKey", breaks: []string{"Mapping"}, hook: onePart},
	{name: "ReturnsTheRowOfAnotherKey", breaks: []string{"Mapping", "NamedOutcomes"}, hook: anotherRow},
	{
		name: "FindsNoDifference", breaks: []string{"Schema"},
		hook: after(intercept.Schema, func(c *intercept.Call, err error) error {
			c.Result.(*driver.SchemaResult).Differences = nil
			return err
		}),
	},
	{
		name: "JoinsTheStatementsOfAFix", breaks: []string{"Schema"},
		hook: after(intercept.Schema, func(c *intercept.Call, err error) error {
			for i := range c.Result.(*driver.SchemaResult).Differences {
				d := &c.Result.(*driver.SchemaResult).Differences[i]
				d.Statements = []string{strings.Join(d.Statements, "; ")}
			}
			return err
		}),
	},
	{
		name: "MigratesNothing", breaks: []string{"Schema"},
		hook: after(intercept.Schema, func(c *intercept.Call, err error) error {
			c.Result.(*driver.SchemaResult).Migration = nil
			return err
		}),
	},
	{name: "CreatesWhatItShouldCheck", breaks: []string{"Schema"}, hook: on(func(c *intercept.Call) {
		if p, ok := c.Params.(*driver.SchemaParams); ok {
			p.Create = true
		}
	})},
	{name: "FailsToEnsureTwice", breaks: []string{"Schema"}, hook: ensuresOnce},
}

type made = func(*memstore.Database) intercept.Hook

// on changes the parameters of calls.
func on(change func(*intercept.Call)) made {
	return func(*memstore.Database) intercept.Hook {
		return func(ctx context.Context, c *intercept.Call, next intercept.Next) error {
			change(c)
			return next(ctx)
		}
	}
}

func onUpdate(change func(context.Context, *intercept.Call, *driver.UpdateParams)) made {
	return func(*memstore.Database) intercept.Hook {
		return func(ctx context.Context, c *intercept.Call, next intercept.Next) error {
			if p, ok := c.Params.(*driver.UpdateParams); ok {
				change(ctx, c, p)
			}
			return next(ctx)
		}
	}
}

func onFind(change func(*intercept.Call, *driver.FindParams)) made {
	return on(func(c *intercept.Call) {
		if p, ok := c.Params.(*driver.FindParams); ok {
			change(c, p)
		}
	})
}

// after changes what calls named op return; "" is all of them.
func after(op string, change func(*intercept.Call, error) error) made {
	return func(*memstore.Database) intercept.Hook {
		return func(ctx context.Context, c *intercept.Call, next intercept.Next) error {
			err := next(ctx)
			if op == "" || c.Op == op {
				return change(c, err)
			}
			return err
		}
	}
}

func replaced(op string, with func(context.Context, *intercept.Call) error) made {
	return func(*memstore.Database) intercept.Hook {
		return func(ctx context.Context, c *intercept.Call, next intercept.Next) error {
			if c.Op == op {
				return with(ctx, c)
			}
			return next(ctx)
		}
	}
}

// outcome reports one outcome as another.
func outcome(is, as driver.Outcome) made {
	return after("", func(c *intercept.Call, err error) error {
		if w, ok := c.Result.(*driver.WriteResult); ok && w.Outcome == is {
			w.Outcome = as
		}
		return err
	})
}

// faultsAre reports errors of one class as another fault.
func faultsAre(class driver.Class, fault driver.Fault) made {
	return func(native *memstore.Database) intercept.Hook {
		return func(ctx context.Context, _ *intercept.Call, next intercept.Next) error {
			err := next(ctx)
			if err != nil && classify(err).Class == class {
				return &intercept.Error{Fault: fault}
			}
			return err
		}
	}
}

var plain = memstore.Open(nil).Driver()

func classify(err error) driver.Fault { return plain.Classify(err) }

// reading changes what was read.
func reading(change func(*intercept.Call, driver.Record)) made {
	return func(*memstore.Database) intercept.Hook {
		return func(ctx context.Context, c *intercept.Call, next intercept.Next) error {
			records := record(c)
			err := next(ctx)
			if err == nil {
				for _, r := range *records {
					change(c, r)
				}
			}
			return err
		}
	}
}

// record collects the records that a read decodes into.
func record(c *intercept.Call) *[]driver.Record {
	records := &[]driver.Record{}
	switch p := c.Params.(type) {
	case *driver.GetParams:
		*records = append(*records, p.Into)
		if !p.Base.IsZero() {
			*records = append(*records, p.Base)
		}
	case *driver.FindParams:
		into := p.Into
		p.Into = func() driver.Record {
			r := into()
			*records = append(*records, r)
			return r
		}
	}
	return records
}

// filters changes every leaf of the conditions.
func filters(change func(*driver.Filter)) made {
	var walk func(f *driver.Filter) *driver.Filter
	walk = func(f *driver.Filter) *driver.Filter {
		if f == nil {
			return nil
		}
		g := *f
		g.Sub = nil
		for _, sub := range f.Sub {
			g.Sub = append(g.Sub, walk(sub))
		}
		if len(g.Sub) == 0 {
			change(&g)
		}
		return &g
	}
	return on(func(c *intercept.Call) {
		switch p := c.Params.(type) {
		case *driver.FindParams:
			p.Filter = walk(p.Filter)
		case *driver.CountParams:
			p.Filter = walk(p.Filter)
		}
	})
}

// rowKey names a row in the memory of a broken backend.
func rowKey(c *intercept.Call, r driver.Record) string {
	return fmt.Sprint(c.Spec.Table, c.Spec.Type, r.Field(&c.Spec.Key).Interface())
}

func staleWhereMissing(native *memstore.Database) intercept.Hook {
	return func(ctx context.Context, c *intercept.Call, next intercept.Next) error {
		if p, ok := c.Params.(*driver.UpdateParams); ok && p.Expect == 0 {
			if row, found := native.Row(c.Spec.Table, p.Key); found && row[c.Spec.Version.Path] == nil {
				*c.Result.(*driver.WriteResult) = driver.WriteResult{Outcome: driver.Stale}
				return nil
			}
		}
		return next(ctx)
	}
}

// valueInConstraint puts a field's value into the name of the constraint, as a server's message has it.
func valueInConstraint(*memstore.Database) intercept.Hook {
	return func(ctx context.Context, c *intercept.Call, next intercept.Next) error {
		err := next(ctx)
		fault := classify(err)
		if err == nil || fault.Class != driver.Duplicate {
			return err
		}
		var r driver.Record
		switch p := c.Params.(type) {
		case *driver.InsertParams:
			r = p.Records[0]
		case *driver.UpdateParams:
			r = p.Record
		}
		fault.Constraint += fmt.Sprintf(" (%v)", r.Field(&c.Spec.Fields[0]).Interface())
		return &intercept.Error{Fault: fault}
	}
}

func upserts(*memstore.Database) intercept.Hook {
	return func(ctx context.Context, c *intercept.Call, next intercept.Next) error {
		err := next(ctx)
		p, ok := c.Params.(*driver.UpdateParams)
		if !ok || err != nil || c.Result.(*driver.WriteResult).Outcome != driver.Missing {
			return err
		}
		*c.Result.(*driver.WriteResult) = driver.WriteResult{Outcome: driver.Applied, Stored: p.Next}
		_, err = c.Collection.Insert(
			ctx, &driver.InsertParams{Tx: p.Tx, Records: []driver.Record{p.Record}, Version: p.Next},
		)
		return err
	}
}

func overwrites(*memstore.Database) intercept.Hook {
	return func(ctx context.Context, c *intercept.Call, next intercept.Next) error {
		if p, ok := c.Params.(*driver.InsertParams); ok && !c.Spec.KeyAuto {
			for _, r := range p.Records {
				key := r.Field(&c.Spec.Key).Interface()
				if _, err := c.Collection.Delete(ctx, &driver.DeleteParams{Tx: p.Tx, Key: key, Any: true}); err != nil {
					return err
				}
			}
		}
		return next(ctx)
	}
}

// insertsSome inserts the entities of InsertMany one after the other, so that those before a duplicate stay.
func insertsSome(*memstore.Database) intercept.Hook {
	return func(ctx context.Context, c *intercept.Call, next intercept.Next) error {
		p, ok := c.Params.(*driver.InsertParams)
		if !ok || p.Tx != nil || c.Spec.KeyAuto || c.Spec.VersionAuto {
			return next(ctx)
		}
		for _, r := range p.Records {
			one := *p
			one.Records = []driver.Record{r}
			if _, err := c.Collection.Insert(ctx, &one); err != nil {
				return err
			}
		}
		return nil
	}
}

// wipes replaces the whole row, as MongoDB's replaceOne does.
func wipes(native *memstore.Database) intercept.Hook {
	return func(ctx context.Context, c *intercept.Call, next intercept.Next) error {
		err := next(ctx)
		p, ok := c.Params.(*driver.UpdateParams)
		if !ok || err != nil || p.Tx != nil || p.Fields != nil ||
			c.Result.(*driver.WriteResult).Outcome != driver.Applied {
			return err
		}
		mapped := map[string]bool{c.Spec.Version.Path: true}
		for _, f := range c.Spec.KeyFields() {
			mapped[f.Path] = true
		}
		for _, f := range c.Spec.Fields {
			mapped[f.Path] = true
		}
		row, _ := native.Row(c.Spec.Table, p.Key)
		for name := range row {
			if !mapped[name] {
				err = errors.Join(err, native.Unset(ctx, c.Spec.Table, p.Key, name))
			}
		}
		return err
	}
}

// sharesReads hands out the memory of an earlier read of the same version.
func sharesReads(*memstore.Database) intercept.Hook {
	var mu sync.Mutex
	seen := map[string]driver.Record{}
	return reading(func(c *intercept.Call, r driver.Record) {
		mu.Lock()
		defer mu.Unlock()
		key := rowKey(c, r) + fmt.Sprint(r.Field(&c.Spec.Version).Int())
		old, ok := seen[key]
		if !ok {
			copied := reflect.New(c.Spec.Type)
			copied.Elem().Set(reflect.ValueOf(r.Pointer()).Elem())
			seen[key] = driver.RecordOf(copied.Interface())
			return
		}
		for i := range c.Spec.Fields {
			r.Field(&c.Spec.Fields[i]).Set(old.Field(&c.Spec.Fields[i]))
		}
	})(nil)
}

func sharesBase(*memstore.Database) intercept.Hook {
	return func(ctx context.Context, c *intercept.Call, next intercept.Next) error {
		err := next(ctx)
		if p, ok := c.Params.(*driver.GetParams); ok && err == nil && !p.Base.IsZero() {
			for i := range c.Spec.Fields {
				p.Base.Field(&c.Spec.Fields[i]).Set(p.Into.Field(&c.Spec.Fields[i]))
			}
		}
		return err
	}
}

// caches answers a Get outside a Tx as it did the first time.
func caches(*memstore.Database) intercept.Hook {
	var mu sync.Mutex
	seen := map[string]driver.Record{}
	return func(ctx context.Context, c *intercept.Call, next intercept.Next) error {
		p, ok := c.Params.(*driver.GetParams)
		err := next(ctx)
		if !ok || err != nil || p.Tx != nil || !c.Result.(*driver.GetResult).Found {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		key := rowKey(c, p.Into)
		old, ok := seen[key]
		if !ok {
			copied := reflect.New(c.Spec.Type)
			copied.Elem().Set(reflect.ValueOf(p.Into.Pointer()).Elem())
			seen[key] = driver.RecordOf(copied.Interface())
			return nil
		}
		for i := range c.Spec.Fields {
			p.Into.Field(&c.Spec.Fields[i]).Set(old.Field(&c.Spec.Fields[i]))
		}
		return nil
	}
}

// keepsPointers leaves a pointer as it was where the column has become NULL.
func keepsPointers(*memstore.Database) intercept.Hook {
	var mu sync.Mutex
	seen := map[string]reflect.Value{}
	return reading(func(c *intercept.Call, r driver.Record) {
		mu.Lock()
		defer mu.Unlock()
		for i := range c.Spec.Fields {
			f := &c.Spec.Fields[i]
			v := r.Field(f)
			if v.Kind() != reflect.Pointer {
				continue
			}
			key := rowKey(c, r) + f.Name
			if v.IsNil() {
				if old, ok := seen[key]; ok {
					v.Set(old)
				}
				continue
			}
			copied := reflect.New(v.Type()).Elem()
			copied.Set(v)
			seen[key] = copied
		}
	})(nil)
}

// retriesUnknown sends a write again whose answer was lost, whatever became of the first.
func retriesUnknown(*memstore.Database) intercept.Hook {
	return func(ctx context.Context, c *intercept.Call, next intercept.Next) error {
		err := next(ctx)
		p, ok := c.Params.(*driver.UpdateParams)
		if !ok || p.Tx != nil || err == nil || !classify(err).Sent {
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

// writesLater answers a cancelled caller at once, that nothing happened, and writes all the same.
func writesLater(*memstore.Database) intercept.Hook {
	return func(ctx context.Context, c *intercept.Call, next intercept.Next) error {
		if c.Op != intercept.Update || c.Tx != nil {
			return next(ctx)
		}
		done := make(chan error, 1)
		go func() { done <- next(context.WithoutCancel(ctx)) }()
		select {
		case err := <-done:
			return err
		case <-ctx.Done():
			return &intercept.Error{Fault: driver.Fault{Class: driver.Canceled}}
		}
	}
}

// onePart finds a row of a composite key by the first part alone.
func onePart(*memstore.Database) intercept.Hook {
	return func(ctx context.Context, c *intercept.Call, next intercept.Next) error {
		p, ok := c.Params.(*driver.GetParams)
		if !ok || c.Spec.Key.Kind != driver.Composite || p.Tx != nil {
			return next(ctx)
		}
		part := &c.Spec.Key.Parts[0]
		_, err := c.Collection.Find(ctx, &driver.FindParams{
			Filter: &driver.Filter{Op: driver.Eq, Field: part, Value: c.Spec.KeyValues(p.Key)[0].Interface()},
			Order:  []driver.Order{{Field: part}}, Limit: 1, Into: func() driver.Record { return p.Into },
		})
		c.Result.(*driver.GetResult).Found = err == nil
		return err
	}
}

// anotherRow answers a Get of a key that is not there with the next row, under the asked key.
func anotherRow(*memstore.Database) intercept.Hook {
	return func(ctx context.Context, c *intercept.Call, next intercept.Next) error {
		err := next(ctx)
		p, ok := c.Params.(*driver.GetParams)
		if !ok || err != nil || c.Result.(*driver.GetResult).Found || c.Spec.Key.Kind == driver.Composite {
			return err
		}
		found, err := c.Collection.Find(ctx, &driver.FindParams{
			Tx: p.Tx, Order: []driver.Order{{Field: &c.Spec.Key}}, Limit: 1,
			Into: func() driver.Record { return p.Into },
		})
		if err == nil && found.Rows == 1 {
			p.Into.Field(&c.Spec.Key).Set(reflect.ValueOf(p.Key))
			c.Result.(*driver.GetResult).Found = true
		}
		return err
	}
}

func ensuresOnce(*memstore.Database) intercept.Hook {
	var ensured sync.Map
	var tables atomic.Int64
	return func(ctx context.Context, c *intercept.Call, next intercept.Next) error {
		if p, ok := c.Params.(*driver.SchemaParams); ok && p.Create {
			if _, again := ensured.LoadOrStore(c.Spec.Table, tables.Add(1)); again {
				return &intercept.Error{Fault: driver.Fault{Class: driver.Other, Code: "table exists"}}
			}
		}
		return next(ctx)
	}
}

package storetest_test

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stillframe/stillframe/store/driver"
	"github.com/stillframe/stillframe/store/memstore"
	"github.com/stillframe/stillframe/store/storetest/internal/intercept"
)

// valueBackends are mistakes about what is stored beside what the caller has given.
var valueBackends = []broken{
	{
		name: "KeepsTheRowOfAKeyThatDoesNotFit", breaks: []string{"Mapping/MadeKeyThatDoesNotFit"},
		hook: keepsMisfits,
	},
	{
		name: "KeepsNumbersInJSONAsDoubles", breaks: []string{"SameValues/NumbersInNestedJSON"},
		hook: reading(keepsDoubles),
	},
	{
		name: "WritesBehindAPointer", breaks: []string{"Copies/WhatIsSharedIsNotWrittenTo"},
		hook: writesInto(func(v reflect.Value) {
			if at, ok := v.Interface().(*time.Time); ok && at != nil {
				*at = at.Truncate(24 * time.Hour)
			}
		}),
	},
	{
		name: "WritesIntoAMap", breaks: []string{"Copies/WhatIsSharedIsNotWrittenTo"},
		hook: writesInto(func(v reflect.Value) {
			if m, ok := v.Interface().(map[string]time.Time); ok && m != nil {
				m["a"] = time.Time{}
			}
		}),
	},
	{
		name: "WritesIntoASlice", breaks: []string{"Copies/WhatIsSharedIsNotWrittenTo"},
		hook: writesInto(func(v reflect.Value) {
			if b, ok := v.Interface().([]byte); ok {
				slices.Sort(b)
			}
		}),
	},
	{
		name: "TellsNoFormOfNestedValues", breaks: []string{"Modify/WhatIsNotStoredInsideIsNoChange"},
		claim: func(info driver.Info) driver.Info {
			info.NestedForm = func(reflect.Type) func(reflect.Value) ([]byte, error) {
				return func(reflect.Value) ([]byte, error) { return nil, errors.New("no form") }
			}
			return info
		},
	},
	{
		name: "DoesNotReadBackWhatIsGenerated", breaks: []string{"Mapping/GeneratedFieldsAreReadBack"},
		hook: onUpdate(func(_ context.Context, _ *intercept.Call, p *driver.UpdateParams) { p.Into = driver.Record{} }),
	},
	{
		name: "ReadsBackWhatWasGeneratedBefore", breaks: []string{"Mapping/GeneratedFieldsAreReadBack"},
		hook: readsBackOld,
	},
	{
		name: "WritesGeneratedFields", breaks: []string{"Mapping/GeneratedFieldsAreReadBack"},
		hook: onUpdate(func(_ context.Context, c *intercept.Call, p *driver.UpdateParams) {
			for i := range c.Spec.Fields {
				if p.Fields == nil || c.Spec.Fields[i].Generated {
					p.Fields = append(p.Fields, i)
				}
			}
		}),
	},
}

// writesInto changes what the fields of an entity point at, one call at a time, when the entity has been written.
func writesInto(change func(v reflect.Value)) made {
	return func(*memstore.Database) intercept.Hook {
		var mu sync.Mutex
		return func(ctx context.Context, c *intercept.Call, next intercept.Next) error {
			mu.Lock()
			defer mu.Unlock()
			err := next(ctx)
			var written []driver.Record
			switch p := c.Params.(type) {
			case *driver.InsertParams:
				written = p.Records
			case *driver.UpdateParams:
				written = []driver.Record{p.Record}
			}
			for _, r := range written {
				for i := range c.Spec.Fields {
					change(r.Field(&c.Spec.Fields[i]))
				}
			}
			return err
		}
	}
}

// keepsMisfits makes the row of a key that does not fit, and then says that it does not fit, as a server does that
// is asked for the key when the row is there.
func keepsMisfits(native *memstore.Database) intercept.Hook {
	var made atomic.Int64
	made.Store(1000)
	return func(ctx context.Context, c *intercept.Call, next intercept.Next) error {
		err := next(ctx)
		if c.Op == intercept.Insert && err != nil && c.Spec.KeyAuto {
			row := map[string]any{c.Spec.Version.Path: int64(1)}
			err = errors.Join(err, native.Put(ctx, c.Spec.Table, made.Add(1), row))
		}
		return err
	}
}

// readsBackOld answers with the generated fields of the entity as the caller has it.
func readsBackOld(*memstore.Database) intercept.Hook {
	return func(ctx context.Context, c *intercept.Call, next intercept.Next) error {
		err := next(ctx)
		if p, ok := c.Params.(*driver.UpdateParams); ok && err == nil && !p.Into.IsZero() {
			for i := range c.Spec.Fields {
				f := &c.Spec.Fields[i]
				p.Into.Field(f).Set(p.Record.Field(f))
			}
		}
		return err
	}
}

// keepsDoubles gives nested values as a server does that keeps the numbers in JSON as doubles, and says nothing of it.
func keepsDoubles(c *intercept.Call, r driver.Record) {
	for i := range c.Spec.Fields {
		f := &c.Spec.Fields[i]
		text, err := f.Encode(r.Field(f))
		if f.Kind != driver.Nested || err != nil || text == nil {
			continue
		}
		var value any
		if json.Unmarshal([]byte(text.(string)), &value) == nil {
			if kept, err := json.Marshal(value); err == nil {
				_ = f.Decode(r.Field(f), string(kept))
			}
		}
	}
}

package memstore

import (
	"math"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store/driver"
)

func TestPut(t *testing.T) {
	f := setup(t, settings{})
	ctx, raw := t.Context(), f.raw()
	note := []byte{1, 2}
	require.NoError(t, raw.Put(ctx, "accounts", int64(1), map[string]any{
		"balance": 5.0, "name": []byte("Ann"), "note": note, "other": uint8(3), "when": time.Unix(0, 1999),
	}))
	note[0] = 9
	row, found := raw.Row("accounts", 1)
	require.True(t, found)
	assert.Equal(t, map[string]any{
		"id": int64(1), "version": int64(1), "balance": int64(5), "name": "Ann", "note": []byte{1, 2},
		"other": int64(3), "when": time.Unix(0, 1000).UTC(),
	}, row)
	row["note"].([]byte)[0] = 9
	a, _ := f.get(nil, 1)
	assert.Equal(t, account{ID: 1, Version: 1, Name: "Ann", Balance: 5, Note: []byte{1, 2}}, a)

	f.mustUpdate(nil, 1, 1, 6)
	row, _ = raw.Row("accounts", uint16(1))
	assert.Equal(t, int64(3), row["other"], "a column that the mapping does not know stays")

	require.NoError(t, raw.Unset(ctx, "accounts", 1, "version", "name"))
	row, _ = raw.Row("accounts", 1)
	assert.NotContains(t, row, "version")
	f.mustUpdate(nil, 1, 0, 7)

	require.NoError(t, raw.Put(ctx, "accounts", 50, map[string]any{"balance": "many"}))
	require.NoError(t, raw.Put(ctx, "accounts", 51, nil))
	var b account
	_, err := f.accounts.Get(ctx, &driver.GetParams{Key: int64(50), Into: driver.RecordOf(&b)})
	assert.Equal(t, driver.Refused, f.class(err), "what does not fit is stored, and cannot be read")
	require.NoError(t, raw.Remove(ctx, "accounts", 50))
	require.NoError(t, raw.Remove(ctx, "accounts", 50))
	b, found = f.get(nil, 51)
	assert.True(t, found)
	assert.Equal(t, account{ID: 51}, b)

	require.NoError(t, raw.Put(ctx, "accounts", 2, map[string]any{"email": "e"}))
	assert.Equal(t, driver.Duplicate, f.class(raw.Put(ctx, "accounts", 3, map[string]any{"email": "e"})))
	require.NoError(t, raw.Remove(ctx, "accounts", 2))
	require.NoError(t, raw.Put(ctx, "accounts", 3, map[string]any{"email": "e"}))
	assert.Equal(t, []string{"accounts"}, raw.Tables())
}

func TestPutMistakes(t *testing.T) {
	f := setup(t, settings{})
	ctx, raw := t.Context(), f.raw()
	require.Error(t, raw.Put(ctx, "nowhere", 1, nil))
	require.Error(t, raw.Remove(ctx, "nowhere", 1))
	require.Error(t, raw.Put(ctx, "accounts", nil, nil))
	require.Error(t, raw.Put(ctx, "accounts", 1, map[string]any{"id": 2}))
	require.Error(t, raw.Put(ctx, "accounts", 1, map[string]any{"balance": math.NaN()}))
	require.Error(t, raw.Put(ctx, "accounts", 1, map[string]any{"balance": uint64(math.MaxUint64)}))
	require.Error(t, raw.Put(ctx, "accounts", 1, map[string]any{"balance": struct{}{}}))
	_, found := raw.Row("nowhere", 1)
	assert.False(t, found)
	_, found = raw.Row("accounts", "text")
	assert.False(t, found)
}

func TestPutWaitsForTheRow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := setup(t, settings{})
		tx := f.begin()
		f.mustUpdate(tx, 1, 1, 10)
		put, removed := make(chan error, 1), make(chan error, 1)
		go func() { put <- f.raw().Put(t.Context(), "accounts", 1, map[string]any{"name": "late"}) }()
		synctest.Wait()
		go func() { removed <- f.raw().Remove(t.Context(), "accounts", 1) }()
		synctest.Wait()
		assert.Equal(t, 2, f.raw().Waiting())
		assert.Equal(t, 1, f.raw().Transactions())
		assert.Equal(t, 1, f.raw().Locks())
		f.commit(tx)
		require.NoError(t, <-put)
		require.NoError(t, <-removed)
		_, found := f.get(nil, 1)
		assert.False(t, found)
	})
}

// match is an entity with a composite key, a version that the database makes, and a field of each
// stored form that account lacks.
type match struct {
	ID      matchID
	Version int64
	Price   string
	Hash    [4]byte
	Tags    []string
	At      *time.Time
	Share   float64
	Open    bool
}

type matchID struct {
	Season int
	Club   string
}

// matchSpec is the Spec of match, with a composite key and a version that the database moves.
func matchSpec() *driver.Spec {
	t := reflect.TypeFor[match]()
	s := &driver.Spec{
		Table: "matches", Type: t,
		Key:     field(t, "ID", "", driver.Composite),
		Version: field(t, "Version", "version", driver.Int), VersionAuto: true,
		Fields: []driver.Field{
			field(t, "Price", "price", driver.Decimal),
			field(t, "Hash", "hash", driver.ByteArray),
			field(t, "Tags", "tags", driver.Nested),
			field(t, "At", "at", driver.Time),
			field(t, "Share", "share", driver.Float),
			field(t, "Open", "open", driver.Bool),
		},
	}
	s.Fields[0].Precision, s.Fields[0].Scale = 10, 2
	for i, name := range []string{"Season", "Club"} {
		part := field(s.Key.Type, name, []string{"season", "club"}[i], []driver.Kind{driver.Int, driver.String}[i])
		part.Index = append([]int{0}, part.Index...)
		s.Key.Parts = append(s.Key.Parts, part)
	}
	return s
}

func TestCompositeKeyAndAutoVersion(t *testing.T) {
	e := newEngine(settings{})
	c, err := e.Collection(matchSpec())
	require.NoError(t, err)
	ctx, raw := t.Context(), &Database{engine: e}
	key := matchID{2024, "LEI"}
	at := time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)
	m := match{ID: key, Price: "1.50", Hash: [4]byte{1}, Tags: []string{"a"}, At: &at, Share: 0.5, Open: true}
	inserted, err := c.Insert(ctx, &driver.InsertParams{Records: []driver.Record{driver.RecordOf(&m)}})
	require.NoError(t, err)
	assert.Equal(t, []int64{1}, inserted.Versions)
	assert.Nil(t, inserted.Keys)

	var got match
	_, err = c.Get(ctx, &driver.GetParams{Key: key, Into: driver.RecordOf(&got)})
	require.NoError(t, err)
	m.Version = 1
	assert.Equal(t, m, got)

	byMap := map[string]any{"club": "LEI", "season": 2024}
	require.NoError(t, raw.Put(ctx, "matches", byMap, map[string]any{"price": 7, "tags": []string{"b"}, "share": 1}))
	row, found := raw.Row("matches", key)
	require.True(t, found)
	assert.Equal(t, int64(2), row["version"], "as a ROWVERSION does")
	assert.Equal(t, "7.00", row["price"])
	assert.Equal(t, `["b"]`, row["tags"])
	assert.InDelta(t, 1, row["share"], 0)
	require.Error(t, raw.Put(ctx, "matches", "LEI", nil))
	require.Error(t, raw.Put(ctx, "matches", map[string]any{"club": "LEI"}, nil))

	update := driver.UpdateParams{Key: key, Record: driver.RecordOf(&m), Fields: []int{}, Expect: 1}
	result, err := c.Update(ctx, &update)
	require.NoError(t, err)
	assert.Equal(t, driver.WriteResult{Outcome: driver.Stale, Stored: 2}, result)
	update.Expect = 2
	result, err = c.Update(ctx, &update)
	require.NoError(t, err)
	assert.Equal(t, driver.WriteResult{Outcome: driver.Applied, Stored: 3}, result)
}

type counter struct {
	ID      int8
	Version int64
}

func counterSpec() *driver.Spec {
	t := reflect.TypeFor[counter]()
	return &driver.Spec{
		Table: "counters", Type: t, KeyAuto: true,
		Key:     field(t, "ID", "id", driver.Int),
		Version: field(t, "Version", "version", driver.Int),
	}
}

func TestAutoKey(t *testing.T) {
	e := newEngine(settings{})
	c, err := e.Collection(counterSpec())
	require.NoError(t, err)
	ctx := t.Context()
	insert := func(tx driver.Tx, n int) ([]any, error) {
		records := make([]driver.Record, n)
		for i := range records {
			records[i] = driver.RecordOf(&counter{ID: 77})
		}
		result, err := c.Insert(ctx, &driver.InsertParams{Tx: tx, Records: records, Version: 1})
		return result.Keys, err
	}
	keys, err := insert(nil, 2)
	require.NoError(t, err)
	assert.Equal(t, []any{int8(1), int8(2)}, keys)
	tx, err := e.Begin(ctx, &driver.BeginParams{})
	require.NoError(t, err)
	_, err = insert(tx, 1)
	require.NoError(t, err)
	require.NoError(t, tx.Rollback(ctx))
	_, err = c.Delete(ctx, &driver.DeleteParams{Key: int8(2), Any: true})
	require.NoError(t, err)
	keys, err = insert(nil, 1)
	require.NoError(t, err)
	assert.Equal(t, []any{int8(4)}, keys, "a key is never made twice")
	require.NoError(t, (&Database{engine: e}).Put(ctx, "counters", 126, nil))
	keys, err = insert(nil, 1)
	require.NoError(t, err)
	assert.Equal(t, []any{int8(127)}, keys)
	_, err = insert(nil, 1)
	assert.Equal(t, driver.Refused, e.Classify(err).Class, "128 is no int8")
}

// Write is a second client that keeps the rules.
func TestWriteMovesTheVersion(t *testing.T) {
	f := setup(t, settings{})
	ctx, raw := t.Context(), f.raw()
	require.NoError(t, raw.Write(ctx, "accounts", 1, map[string]any{"balance": 5}))
	result, err := f.update(nil, 1, 1, 7)
	require.NoError(t, err)
	assert.Equal(t, driver.WriteResult{Outcome: driver.Stale, Stored: 2}, result)
	require.NoError(t, raw.Write(ctx, "accounts", 1, nil))
	assert.EqualValues(t, 5, f.balance(nil, 1))
	f.mustUpdate(nil, 1, 3, 7)

	require.NoError(t, raw.Write(ctx, "accounts", 60, map[string]any{"name": "new"}))
	f.mustUpdate(nil, 60, 1, 1)
	require.NoError(t, raw.Unset(ctx, "accounts", 2, "version"))
	require.NoError(t, raw.Write(ctx, "accounts", 2, nil))
	f.mustUpdate(nil, 2, 1, 1)

	err = raw.Write(ctx, "accounts", 2, map[string]any{"version": 9})
	require.ErrorContains(t, err, "version")
	f.mustUpdate(nil, 2, 2, 2)
}

package storetest

import (
	"context"
	"database/sql"
	"math"
	"reflect"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/storetest/internal/entity"
)

// Mapping: every kind of key, the roles of fields, and how stored names are found.
var _ = register(
	"Mapping",
	Test{Name: "KeysOfEveryKind", run: mappingKeys},
	Test{Name: "CompositeKeys", run: mappingComposite},
	Test{Name: "CreatedAndUpdated", run: mappingTimes},
	Test{Name: "CreatedAndUpdatedOfOtherTypes", run: mappingOtherTimes},
	Test{Name: "ReservedWords", run: mappingReserved},
	Test{Name: "EmbeddedStructs", run: mappingEmbedded},
	Test{Name: "Projection", run: mappingProjection},
	Test{Name: "UnmappedFieldsAreTheCallers", run: mappingUnmapped},
	Test{Name: "UserTypeEmbedsTheRepository", run: mappingUserType},
	Test{Name: "KeyMadeByTheDatabase", needs: autoKeys, run: mappingAuto},
	Test{Name: "KeyMadeByTheDatabaseInATx", needs: autoKeysInTx, run: mappingAutoTx},
	Test{Name: "KeyMadeByTheDatabaseIsRefused", needs: noAutoKeys, run: mappingAutoRefused},
)

// keyed has a key of any type.
type keyed[K comparable] struct {
	store.Snapshot `bson:",inline"`

	ID   K      `db:"id" bson:"_id" store:"key"`
	Note string `db:"note" bson:"note" store:"size=20"`
}

// keyKind uses keys of one type, given in ascending order, with every verb.
func keyKind[K comparable](e *env, name string, keys ...K) {
	e.run(name, func(e *env) {
		r := newRepository[keyed[K], K](e, "keyed", nil)
		for _, i := range []int{2, 0, 1} {
			inserted(r, keyed[K]{ID: keys[i], Note: "n"})
		}
		for _, key := range keys[:3] {
			entity := r.get(key)
			require.Equal(e, key, entity.ID)
			entity.Note = "saved"
			require.NoError(e, r.Save(e.ctx, &entity))
			_, err := r.Modify(e.ctx, key, func(k *keyed[K]) error { k.Note += " twice"; return nil })
			require.NoError(e, err)
			require.NoError(e, r.Reload(e.ctx, &entity))
			require.Equal(e, "saved twice", entity.Note)
			e.only(r.Insert(e.ctx, &keyed[K]{ID: key}), store.ErrExists)
			first, err := r.First(e.ctx, store.Where("ID", store.Eq, key))
			require.NoError(e, err)
			require.Equal(e, key, first.ID)
		}
		many, err := r.GetMany(e.ctx, keys)
		require.NoError(e, err)
		require.Len(e, many, 3)
		for _, key := range keys[:3] {
			require.Equal(e, key, many[key].ID)
		}
		for _, key := range keys[3:] {
			_, err := r.Get(e.ctx, key)
			e.only(err, store.ErrNotFound)
		}
		if name != "UUID" || e.info.UUIDOrder {
			var have []K
			for entity, err := range r.on(e.db, &store.RepositoryOptions{PageSize: 1}).Find(e.ctx, store.Query{}) {
				require.NoError(e, err)
				have = append(have, entity.ID)
			}
			require.Equal(e, keys[:3], have, "in the order of the keys")
		}
		n, err := r.Count(e.ctx, store.Where("ID", store.In, keys))
		require.NoError(e, err)
		require.EqualValues(e, 3, n)
		entity := r.get(keys[0])
		require.NoError(e, r.Delete(e.ctx, entity))
		require.NoError(e, r.DeleteKey(e.ctx, keys[1]))
		_, err = r.Get(e.ctx, keys[0])
		e.only(err, store.ErrNotFound)
		require.Equal(e, keys[2], r.get(keys[2]).ID)
	})
}

// mappingKeys reads and writes by keys of every kind, and refuses the unsigned ones that no signed column holds.
func mappingKeys(e *env) {
	keyKind[int](e, "Int", -5, 0, 7, 8)
	keyKind[int8](e, "Int8", -128, 0, 127, 1)
	keyKind[int16](e, "Int16", -32768, 0, 32767, 1)
	keyKind[int32](e, "Int32", -1<<31, 0, 1<<31-1, 1)
	keyKind[int64](e, "Int64", -1<<63, 0, 1<<63-1, 1)
	keyKind[uint](e, "Uint", 0, 1, math.MaxInt, 2)
	keyKind[uint8](e, "Uint8", 0, 1, 255, 2)
	keyKind[uint16](e, "Uint16", 0, 1, 65535, 2)
	keyKind[uint32](e, "Uint32", 0, 1, 1<<32-1, 2)
	keyKind[uint64](e, "Uint64", 0, 1, 1<<63-1, 2)
	keyKind[level](e, "Named", -1, 0, 1, 2)
	keyKind(e, "String", "", "10", "9", "A9")
	keyKind[title](e, "NamedString", "A", "a", "é", "É")
	keyKind(e, "UUID", uuid{}, uuid{15: 1}, uuid{255}, uuid{1})
	keyKind(e, "UnnamedUUID", [16]byte{1}, [16]byte{2}, [16]byte{2, 1}, [16]byte{9})
	keyKind(e, "ByteArray", [12]byte{}, [12]byte{11: 1}, [12]byte{255}, [12]byte{1})
	r := newRepository[keyed[uint64], uint64](e, "keyed", nil)
	e.only(r.Insert(e.ctx, &keyed[uint64]{ID: 1 << 63}), store.ErrInvalid)
	_, err := r.Get(e.ctx, 1<<63)
	e.only(err, store.ErrInvalid)
}

// everyPart is a composite key of every kind of part.
type everyPart struct {
	Name  string  `db:"name" bson:"name" store:"size=20"`
	Num   int64   `db:"num" bson:"num"`
	Small uint8   `db:"small" bson:"small"`
	UUID  uuid    `db:"uuid_v" bson:"uuid_v"`
	Hash  [4]byte `db:"hash" bson:"hash"`
}

type parted struct {
	store.Snapshot `bson:",inline"`

	ID   everyPart `bson:"_id" store:"key"`
	Note string    `db:"note" bson:"note" store:"size=20"`
}

// mappingComposite has keys that differ in one part each: a backend that leaves a part out mixes up their rows.
func mappingComposite(e *env) {
	r := newRepository[parted, everyPart](e, "parted", nil)
	base := everyPart{"a", 1, 2, uuid{3}, [4]byte{4}}
	keys := []everyPart{base}
	for _, change := range []func(k *everyPart){
		func(k *everyPart) { k.Name = "b" },
		func(k *everyPart) { k.Num = -1 },
		func(k *everyPart) { k.Small = 255 },
		func(k *everyPart) { k.UUID[15] = 9 },
		func(k *everyPart) { k.Hash[3] = 9 },
	} {
		key := base
		change(&key)
		keys = append(keys, key)
	}
	for _, key := range keys {
		inserted(r, parted{ID: key})
	}
	for i, key := range keys {
		p := r.get(key)
		require.Equal(e, key, p.ID)
		p.Note = strings.Repeat("x", i)
		require.NoError(e, r.Save(e.ctx, &p))
	}
	many, err := r.GetMany(e.ctx, keys)
	require.NoError(e, err)
	for i, key := range keys {
		require.Len(e, many[key].Note, i)
	}
	require.NoError(e, r.DeleteKey(e.ctx, keys[2]))
	n, err := r.Count(e.ctx, store.Where("ID.Name", store.Eq, "a").And("ID.Small", store.Le, 2))
	require.NoError(e, err)
	require.EqualValues(e, 3, n)
	m, err := r.Modify(e.ctx, keys[1], func(p *parted) error { p.Note = "m"; return nil })
	require.NoError(e, err)
	require.Equal(e, keys[1], m.ID)
	_, err = r.Modify(e.ctx, keys[1], func(p *parted) error { p.ID.Num++; return nil })
	e.only(err, store.ErrInvalid)
}

// dated has times that the library sets.
type dated struct {
	store.Snapshot `bson:",inline"`

	ID      int64     `db:"id" bson:"_id" store:"key"`
	Note    string    `db:"note" bson:"note" store:"size=20"`
	Created time.Time `db:"created" bson:"created" store:"created"`
	Updated time.Time `db:"updated" bson:"updated" store:"updated"`
}

// mappingTimes compares the created and updated times after each verb with the clock, in memory and as stored. A write
// that fails leaves them alone.
func mappingTimes(e *env) {
	now := kickoff
	db := e.open(store.Options{Now: func() time.Time { return now }})
	made := newRepository[dated](e, "dated", byID)
	r := made.on(db, nil)
	at := func(hours int) time.Time { return e.cut(kickoff.Add(time.Duration(hours) * time.Hour)) }
	tick := func(hours int) { now = kickoff.Add(time.Duration(hours) * time.Hour) }
	check := func(about string, d dated, created, updated int) {
		e.Helper()
		require.Equal(e, at(created), d.Created, about)
		require.Equal(e, at(updated), d.Updated, about)
		stored := made.get(d.ID)
		require.Equal(e, at(created), stored.Created, "%s, stored", about)
		require.Equal(e, at(updated), stored.Updated, "%s, stored", about)
	}
	d := dated{ID: 1}
	require.NoError(e, r.Insert(e.ctx, &d))
	check("Insert", d, 0, 0)
	tick(1)
	d.Note = "a"
	require.NoError(e, r.Save(e.ctx, &d))
	check("Save", d, 0, 1)
	tick(2)
	d, err := r.Modify(e.ctx, 1, func(d *dated) error { d.Note = "b"; return nil })
	require.NoError(e, err)
	check("Modify", d, 0, 2)
	tick(3)
	d, err = r.Modify(e.ctx, 1, func(*dated) error { return nil })
	require.NoError(e, err)
	check("Modify of nothing", d, 0, 2)
	require.NoError(e, r.Touch(e.ctx, &d))
	check("Touch moves the version alone", d, 0, 2)
	d, err = r.Upsert(e.ctx, 2, func(d *dated, _ bool) error { d.Note = "new"; return nil })
	require.NoError(e, err)
	check("Upsert", d, 3, 3)
	tick(4)
	old := dated{ID: 3, Created: at(-100)}
	require.NoError(e, r.Insert(e.ctx, &old))
	check("Insert keeps a time that is set", old, -100, 4)
	stale := old
	stale.Version = 9
	before := stale
	tick(5)
	require.ErrorIs(e, r.Save(e.ctx, &stale), store.ErrConflict)
	require.Equal(e, before, stale)
	again := dated{ID: 3}
	require.ErrorIs(e, r.Insert(e.ctx, &again), store.ErrExists)
	require.Equal(e, dated{ID: 3}, again)
}

type datedNull struct {
	store.Snapshot `bson:",inline"`

	ID      int64        `db:"id" bson:"_id" store:"key"`
	Created *time.Time   `db:"created" bson:"created" store:"created"`
	Updated sql.NullTime `db:"updated" bson:"updated" store:"updated"`
}

// mappingOtherTimes has these times in fields that may be NULL. The time that another copy points at is not written
// through.
func mappingOtherTimes(e *env) {
	now := kickoff
	db := e.open(store.Options{Now: func() time.Time { return now }})
	made := newRepository[datedNull](e, "dated", byID)
	r := made.on(db, nil)
	d := datedNull{ID: 1}
	require.NoError(e, r.Insert(e.ctx, &d))
	require.Equal(e, e.cut(kickoff), *d.Created)
	require.Equal(e, e.cut(kickoff), d.Updated.Time)
	created := d.Created
	now = kickoff.Add(time.Hour)
	require.NoError(e, r.Save(e.ctx, &d))
	require.Equal(e, e.cut(kickoff), *d.Created)
	require.Equal(e, e.cut(now), d.Updated.Time)
	require.Equal(e, e.cut(kickoff), *created)
	stored := made.get(1)
	require.Equal(e, e.cut(kickoff), *stored.Created)
	require.Equal(e, sql.NullTime{Time: e.cut(now), Valid: true}, stored.Updated)
}

// reserved has columns that every SQL server knows as words of its own.
type reserved struct {
	store.Snapshot `bson:",inline"`

	ID     int64  `db:"id" bson:"_id" store:"key"`
	Order  int64  `db:"order" bson:"order"`
	Group  string `db:"group" bson:"group" store:"size=20,unique=reserved_group"`
	Select bool   `db:"select" bson:"select"`
	Key    string `db:"key" bson:"key" store:"size=20"`
	Where  *int64 `db:"where" bson:"where"`
	Index  string `db:"index" bson:"index" store:"size=20,index"`
}

// mappingReserved maps fields to words that SQL reserves: each statement quotes them.
func mappingReserved(e *env) {
	r := newRepository[reserved](e, "order", byID)
	x := inserted(
		r, reserved{ID: 1, Order: 2, Group: "g", Select: true, Key: "k", Where: pointer(int64(5)), Index: "i"},
	)
	want := x
	x = r.get(1)
	want.ReadAt = x.ReadAt
	require.Equal(e, want, x)
	x.Order, x.Where = 3, nil
	require.NoError(e, r.Save(e.ctx, &x))
	_, err := r.Modify(e.ctx, 1, func(x *reserved) error { x.Group, x.Key = "h", "l"; return nil })
	require.NoError(e, err)
	q := store.Where("Order", store.Eq, 3).And("Group", store.Prefix, "h").And("Where", store.Eq, nil)
	found, err := store.Collect(r.Find(e.ctx, q.OrderBy("Select", "Key").OrderByDesc("Index")))
	require.NoError(e, err)
	require.Len(e, found, 1)
	differences, err := r.CheckSchema(e.ctx)
	require.NoError(e, err)
	require.Empty(e, differences)
}

// house embeds a struct that embeds the snapshot, and another one.
type house struct {
	entity.Common  `bson:",inline"`
	entity.Address `bson:",inline"`

	Rooms int64 `db:"rooms" bson:"rooms"`
}

// mappingEmbedded has an entity made of embedded structs: their fields are columns like the others.
func mappingEmbedded(e *env) {
	r := newRepository[house](e, "house", byID)
	h := house{
		Common: entity.Common{ID: 1}, Address: entity.Address{Street: "Filbert Way", Town: "Leicester"}, Rooms: 5,
	}
	require.NoError(e, r.Insert(e.ctx, &h))
	require.EqualValues(e, 1, h.Version)
	row := r.raw(1)
	require.Contains(e, row, "street")
	require.Contains(e, row, "town")
	m := r.modify(1, func(h *house) { h.Town = "Loughborough" })
	require.Equal(e, entity.Address{Street: "Filbert Way", Town: "Loughborough"}, m.Address)
	n, err := r.Count(e.ctx, store.Where("Town", store.Eq, "Loughborough"))
	require.NoError(e, err)
	require.EqualValues(e, 1, n)
}

// mappingProjection reads a table by a smaller entity: it cannot name what it does not map, and its version is the
// same.
func mappingProjection(e *env) {
	r := newClubs(e)
	e.stored(r, 1, 2)
	names := over[clubName, int64](e, e.db, r.name, nil)
	c, err := names.Get(e.ctx, 1)
	require.NoError(e, err)
	require.Equal(e, "Club 1", c.Name)
	require.EqualValues(e, 1, c.Version)
	all, err := store.Collect(names.Find(e.ctx, store.Query{}.OrderByDesc("Name")))
	require.NoError(e, err)
	require.Equal(e, []string{"Club 2", "Club 1"}, []string{all[0].Name, all[1].Name})
	_, err = names.Count(e.ctx, store.Where("Balance", store.Eq, 1))
	e.only(err, store.ErrInvalid, "what it does not map it cannot name")
	r.modify(1, func(c *club) { c.Balance++ })
	e.conflict(names.Save(e.ctx, &c), 1, 2)
}

func mappingUnmapped(e *env) {
	r := newClubs(e)
	c := newClub(1)
	c.Scratch = "mine"
	require.NoError(e, r.Insert(e.ctx, &c))
	require.Equal(e, "mine", c.Scratch)
	require.NotContains(e, r.raw(1), "scratch")
	require.NotContains(e, r.raw(1), "Scratch")
	c.Scratch = "still mine"
	require.NoError(e, r.Save(e.ctx, &c))
	require.Equal(e, "still mine", c.Scratch)
	require.Empty(e, r.get(1).Scratch)
}

// userAccounts is how a program adds queries of its own.
type userAccounts struct {
	*store.Repository[account, int64]
}

func (a userAccounts) rich(e *env) ([]account, error) {
	return store.Collect(a.Find(e.ctx, store.Where("Amount", store.Ge, 20)))
}

func mappingUserType(e *env) {
	r := newAccounts(e, 10, 20, 30)
	user := userAccounts{store.MustRepository[account, int64](e.db, r.name, nil)}
	all, err := user.rich(e)
	require.NoError(e, err)
	require.Equal(e, []int64{2, 3}, ids(all))
	require.Panics(e, func() { store.MustRepository[account, string](e.db, r.name, nil) })
}

// mappingAuto lets the database make the keys. Each entity gets the one of its own row, also when several are inserted
// at once.
func mappingAuto(e *env) {
	r := newRepository[entity.Ticket](e, "ticket", byID)
	seen := map[int64]string{}
	for _, note := range []string{"a", "b", "c"} {
		x := inserted(r, entity.Ticket{Note: note})
		require.NotZero(e, x.ID)
		require.NotContains(e, seen, x.ID)
		require.EqualValues(e, 1, x.Version)
		seen[x.ID] = note
	}
	if e.info.Transactions {
		many := []*entity.Ticket{{Note: "d"}, {Note: "e"}, {Note: "f"}}
		require.NoError(e, r.InsertMany(e.ctx, many))
		for _, x := range many {
			require.NotContains(e, seen, x.ID)
			seen[x.ID] = x.Note
		}
	}
	for id, note := range seen {
		x := r.get(id)
		require.Equal(e, note, x.Note, "each entity has its own key")
		x.Note += "!"
		require.NoError(e, r.Save(e.ctx, &x))
	}
	given := entity.Ticket{ID: 1_000_000}
	err := r.Insert(e.ctx, &given)
	e.only(err, store.ErrInvalid)
	e.names(err, "ID")
	_, err = r.Upsert(e.ctx, 1_000_000, func(*entity.Ticket, bool) error { return nil })
	e.only(err, store.ErrInvalid)
}

// mappingAutoTx takes back a key that the database made, when the Tx that made it does not commit.
func mappingAutoTx(e *env) {
	r := newRepository[entity.Ticket](e, "ticket", byID)
	others := newAccounts(e, 10)
	x := entity.Ticket{Note: "a"}
	require.ErrorIs(e, e.db.Atomic(e.ctx, nil, func(ctx context.Context, tx *store.Tx) error {
		require.NoError(e, r.In(tx).Insert(ctx, &x))
		require.NotZero(e, x.ID)
		return errBoom
	}), errBoom)
	require.Equal(e, entity.Ticket{Note: "a"}, x, "the key is taken back too")
	runs := 0
	e.atomic(func(ctx context.Context, tx *store.Tx) error {
		runs++
		if err := r.In(tx).Insert(ctx, &x); err != nil {
			return err
		}
		x.Note = "b"
		if err := r.In(tx).Save(ctx, &x); err != nil {
			return err
		}
		if runs == 1 {
			return clash(ctx, others, tx, 1)
		}
		return nil
	})
	require.EqualValues(e, 2, x.Version)
	all, err := store.Collect(r.Find(e.ctx, store.Query{}))
	require.NoError(e, err)
	require.Len(e, all, 1)
	require.Equal(e, x.ID, all[0].ID)
	require.Equal(e, "b", all[0].Note)
}

func mappingAutoRefused(e *env) {
	_, err := store.NewRepository[entity.Ticket, int64](e.db, e.table("ticket"), nil)
	e.names(err, reflect.TypeFor[entity.Ticket]().String(), "ID")
	require.True(e, isRefusal(err), "%v", err)
}

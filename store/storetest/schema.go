package storetest

import (
	"context"
	"strings"

	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/storetest/internal/intercept"
	"github.com/stillframe/stillframe/store/storetest/internal/oracle"
)

// Schema: EnsureSchema creates what is missing and changes nothing, CheckSchema lists every
// difference, DDL says it in text.
var _ = register(
	"Schema",
	Test{Name: "EnsureIsIdempotent", run: schemaEnsure},
	Test{Name: "EnsureAtOnceByMany", run: schemaEnsureParallel},
	Test{Name: "CheckListsAMissingTable", run: schemaMissingTable},
	Test{Name: "CheckListsWhatIsMissing", run: schemaMissingParts},
	Test{Name: "MigrationAddsWhatIsMissing", run: schemaMigration},
	Test{Name: "CheckChangesNothing", run: schemaCheckOnly},
	Test{Name: "WhatEnsureMakesHasNoDifference", run: schemaNoDifference},
	Test{Name: "UniqueIndexIsEnforced", run: schemaUnique},
	Test{Name: "CompositeUniqueIndex", run: schemaCompositeUnique},
	Test{Name: "UniqueAllowsManyNulls", run: schemaUniqueNull},
	Test{Name: "DDLIsTextAlone", run: schemaDDL},
)

func schemaEnsure(e *env) {
	r := newMembers(e)
	inserted(r, member{ID: 1, Email: "a@example.org", Age: 5})
	want := r.raw(1)
	for range 3 {
		require.NoError(e, r.EnsureSchema(e.ctx))
		require.NoError(e, r.on(e.open(store.Options{}), nil).EnsureSchema(e.ctx))
	}
	require.Equal(e, want, r.raw(1))
	differences, err := r.CheckSchema(e.ctx)
	require.NoError(e, err)
	require.Empty(e, differences)
	e.only(r.Insert(e.ctx, &member{ID: 2, Email: "a@example.org"}), store.ErrExists)
}

// schemaEnsureParallel is what happens when several processes start at once.
func schemaEnsureParallel(e *env) {
	name := e.table("member")
	e.parallel(4, 1, func(ctx context.Context, _, _ int) error {
		r, err := store.NewRepository[member, int64](e.db, name, nil)
		if err == nil {
			err = r.EnsureSchema(ctx)
		}
		return err
	})
	r := over[member, int64](e, e.db, name, nil)
	require.NoError(e, r.Insert(e.ctx, &member{ID: 1, Email: "a@example.org"}))
	e.only(r.Insert(e.ctx, &member{ID: 2, Email: "a@example.org"}), store.ErrExists)
}

// schemaMissingTable checks the schema where there is no table, then makes it and checks again.
func schemaMissingTable(e *env) {
	name := e.table("member")
	r := over[member, int64](e, e.db, name, nil)
	differences, err := r.CheckSchema(e.ctx)
	require.NoError(e, err)
	require.NotEmpty(e, differences)
	for _, d := range differences {
		require.Equal(e, name, d.Table)
		require.NotEmpty(e, d.Problem)
		require.Contains(e, d.String(), name)
		require.Contains(e, d.String(), d.Problem)
	}
	require.Equal(e, r.DDL(), differences[0].Statements, "each by itself: no text of theirs has to be cut")
	require.NotContains(e, differences[0].String(), "\n")
	for _, text := range differences[0].Statements {
		require.Contains(e, differences[0].Fix, text)
	}
	if len(r.DDL()) > 1 {
		require.Equal(e, strings.Join(r.DDL(), ";\n")+";", differences[0].Fix)
	}
	require.NoError(e, r.EnsureSchema(e.ctx))
	differences, err = r.CheckSchema(e.ctx)
	require.NoError(e, err)
	require.Empty(e, differences)
}

// memberMore is what a newer program makes of member: with more columns and indexes.
type memberMore struct {
	store.Snapshot `bson:",inline"`

	ID    int64   `db:"id" bson:"_id" store:"key"`
	Email string  `db:"email" bson:"email" store:"size=80,unique=member_email"`
	Age   int64   `db:"age" bson:"age"`
	Phone *string `db:"phone" bson:"phone" store:"size=20,unique=member_phone"`
	Town  *string `db:"town" bson:"town" store:"size=20,unique=member_town"`
}

// schemaMissingParts checks a table that lacks what a newer entity maps: each missing column and index is told, and
// nothing else.
func schemaMissingParts(e *env) {
	r := newMembers(e)
	inserted(r, member{ID: 1, Email: "a@example.org"})
	more := over[memberMore, int64](e, e.db, r.name, nil)
	differences, err := more.CheckSchema(e.ctx)
	require.NoError(e, err)
	require.GreaterOrEqual(e, len(differences), 2, "all of them at once")
	var text strings.Builder
	for _, d := range differences {
		require.Equal(e, r.name, d.Table)
		require.NotEmpty(e, d.Problem)
		text.WriteString(d.String() + "\n")
	}
	require.Contains(e, text.String(), "phone")
	require.Contains(e, text.String(), "town")
	require.NotContains(e, text.String(), "member_email", "what is as it must be is no difference")
	differences, err = r.CheckSchema(e.ctx)
	require.NoError(e, err)
	require.Empty(e, differences, "the older program still finds what it needs")
}

// schemaMigration asks for the statements that a newer entity needs: those of its new fields, and none where nothing is
// missing. Asking changes nothing.
func schemaMigration(e *env) {
	name := e.table("member")
	db, spy := e.spied(store.Options{})
	r := over[member, int64](e, db, name, nil)
	statements, err := r.Migration(e.ctx)
	require.NoError(e, err)
	require.Equal(e, r.DDL(), statements, "without a table it is all of it")
	require.NoError(e, r.EnsureSchema(e.ctx))
	statements, err = r.Migration(e.ctx)
	require.NoError(e, err)
	require.Empty(e, statements)
	more := over[memberMore, int64](e, db, name, nil)
	spy.take()
	for range 2 {
		statements, err = more.Migration(e.ctx)
		require.NoError(e, err)
		text := strings.Join(statements, "\n")
		require.Contains(e, text, "member_phone")
		require.Contains(e, text, "member_town")
		require.NotContains(e, text, "member_email")
	}
	require.Equal(e, intercept.Schema+" "+intercept.Schema, spy.take())
	differences, err := more.CheckSchema(e.ctx)
	require.NoError(e, err)
	for i := range differences[1:] {
		require.LessOrEqual(e, differences[i].Severity, differences[i+1].Severity, "what must be mended is first")
	}
	require.Equal(e, store.SeverityMust, differences[0].Severity)
}

func schemaCheckOnly(e *env) {
	name := e.table("member")
	db, spy := e.spied(store.Options{})
	r := over[member, int64](e, db, name, nil)
	for range 2 {
		differences, err := r.CheckSchema(e.ctx)
		require.NoError(e, err)
		require.NotEmpty(e, differences)
	}
	require.Equal(e, intercept.Schema+" "+intercept.Schema, spy.take())
}

// schemaNoDifference checks what EnsureSchema has made for entities of every kind: it must find nothing to complain
// about.
func schemaNoDifference(e *env) {
	check := func(about string, r interface {
		CheckSchema(ctx context.Context) ([]store.Difference, error)
	},
	) {
		e.Helper()
		differences, err := r.CheckSchema(e.ctx)
		require.NoError(e, err, about)
		require.Empty(e, differences, about)
	}
	check("club", newClubs(e))
	check("account", newAccounts(e))
	check("member", newMembers(e))
	check("seat", newSeats(e))
	check("letter", newLetters(e))
	check("probe", newRepository[oracle.Probe](e, "probe", byID))
	check("kinds", newRepository[kinds](e, "kinds", byID))
	check("large", newRepository[large](e, "large", byID))
	check("dated", newRepository[dated](e, "dated", byID))
}

func schemaUnique(e *env) {
	r := newMembers(e)
	inserted(r, member{ID: 1, Email: "a@example.org"})
	for i, other := range []string{"A@example.org", "a@example.or", "á@example.org", ""} {
		inserted(r, member{ID: int64(i + 2), Email: other})
	}
	e.only(r.Insert(e.ctx, &member{ID: 99, Email: "a@example.org"}), store.ErrExists)
}

// fixture has a unique index over two columns, and one over a column that can be NULL.
type fixture struct {
	store.Snapshot `bson:",inline"`

	ID    int64   `db:"id" bson:"_id" store:"key"`
	Home  int64   `db:"home" bson:"home" store:"unique=fixture_teams"`
	Away  int64   `db:"away" bson:"away" store:"unique=fixture_teams"`
	Code  *string `db:"code" bson:"code" store:"size=20,unique=fixture_code"`
	Round int64   `db:"round" bson:"round" store:"index"`
}

func schemaCompositeUnique(e *env) {
	r := newRepository[fixture](e, "fixture", byID)
	inserted(r, fixture{ID: 1, Home: 1, Away: 2})
	inserted(r, fixture{ID: 2, Home: 2, Away: 1})
	inserted(r, fixture{ID: 3, Home: 1, Away: 3})
	err := r.Insert(e.ctx, &fixture{ID: 4, Home: 1, Away: 2})
	e.only(err, store.ErrExists)
	e.names(err, "fixture_teams")
	_, err = r.Modify(e.ctx, 3, func(f *fixture) error { f.Away = 2; return nil })
	e.only(err, store.ErrExists)
	require.EqualValues(e, 3, r.get(3).Away)
}

func schemaUniqueNull(e *env) {
	r := newRepository[fixture](e, "fixture", byID)
	for id := range int64(3) {
		inserted(r, fixture{ID: id, Home: id})
	}
	m, err := r.Modify(e.ctx, 1, func(f *fixture) error { f.Code = pointer("x"); return nil })
	require.NoError(e, err)
	_, err = r.Modify(e.ctx, 2, func(f *fixture) error { f.Code = pointer("x"); return nil })
	e.only(err, store.ErrExists)
	m.Code = nil
	require.NoError(e, r.Save(e.ctx, &m))
	_, err = r.Modify(e.ctx, 2, func(f *fixture) error { f.Code = pointer("x"); return nil })
	require.NoError(e, err)
}

func schemaDDL(e *env) {
	db, spy := e.spied(store.Options{})
	name := e.table("fixture")
	r := over[fixture, int64](e, db, name, nil)
	first := r.DDL()
	require.NotEmpty(e, first)
	require.Contains(e, strings.Join(first, "\n"), name)
	want := strings.Join(first, "\n")
	first[0] = "changed"
	require.Equal(e, want, strings.Join(r.DDL(), "\n"), "the slice is the caller's")
	require.Empty(e, spy.take(), "no I/O")
}

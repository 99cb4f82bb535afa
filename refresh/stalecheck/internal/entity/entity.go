// Package entity is what the checks know of an entity type: what NewRepository makes of it, told from the source.
//
// It follows store/internal/mapping, by go/types in place of package reflect, and says of a type what that says, in the
// same words. Where only a run can tell, as of what a Value method gives, it says nothing. A test compares the two.
package entity

import (
	"fmt"
	"go/token"
	"go/types"
	"reflect"
	"sort"
	"strings"
)

// Tags says whose struct tags name what is stored.
type Tags uint8

// The tags.
const (
	SQL    Tags = iota // db, as the SQL backends read it
	BSON               // bson, as MongoDB's driver reads it
	Either             // whichever a field has, as memstore reads them
)

// Field is a stored field.
type Field struct {
	Var      *types.Var
	Name     string // as Go has it, "ID.Season" for a part of a key
	Path     string // as it is stored
	Type     types.Type
	Base     types.Type // without the pointer or sql.Null around it
	Kind     Kind
	IsValuer bool     // its type has Value and Scan
	Parts    []*Field // of a composite key
}

// IsComparable reports whether a query can test the field for equality.
func (f *Field) IsComparable() bool { return f.Kind >= Bool && f.Kind <= Decimal }

// IsOrdered reports whether a query can sort by the field.
func (f *Field) IsOrdered() bool { return f.IsComparable() && f.Kind != Bytes }

// Options are those of NewRepository that a mapping must fit.
type Options struct {
	HasEmptyTable          bool
	Combine, SkipUnchanged bool
}

// Problem is one thing that is wrong with a type.
type Problem struct {
	Text string    // as the error has it
	Pos  token.Pos // of the field, none where it is the type
}

// Mapping is what there is to know of an entity type.
type Mapping struct {
	Type     types.Type
	Fields   map[string]*Field // by their names
	Problems []Problem         // what NewRepository would return an error for

	key, version, readAt, mark *Field
	created, updated           bool
	isAutoKey, isAuto          bool // the database makes the key, or moves the version
	hasGenerated               bool
}

// Names are those of the fields, sorted.
func (m *Mapping) Names() []string {
	names := make([]string, 0, len(m.Fields))
	for name := range m.Fields {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// Key is the field of the key, nil where there is none.
func (m *Mapping) Key() *Field { return m.key }

// HasAutoKey reports whether the database makes the keys.
func (m *Mapping) HasAutoKey() bool { return m.isAutoKey }

// mapper collects the fields of a type and everything that is wrong with them.
type mapper struct {
	m        *Mapping
	tags     Tags
	keyType  types.Type
	paths    map[string]string // stored name to Go name
	stored   []*Field
	unique   map[string]bool // of indexes, by their names
	keys     int
	versions int
}

// Of makes the mapping of a type. It is nil where the type, or that of the key, is not known before a run.
func Of(t, key types.Type, tags Tags, o Options) *Mapping {
	if hasTypeParams(t) || hasTypeParams(key) {
		return nil
	}
	b := &mapper{
		m: &Mapping{Type: t, Fields: map[string]*Field{}}, tags: tags, keyType: key,
		paths: map[string]string{}, unique: map[string]bool{},
	}
	if o.HasEmptyTable {
		b.problem(nil, "the table's name is empty")
	}
	s, ok := structOf(t)
	if !ok || isTime(t) {
		b.problem(nil, "an entity is a struct")
		return b.m
	}
	if problem := keyTypeProblem(key); problem != "" {
		b.problem(nil, "%s cannot be a key: %s", Text(key), problem)
	}
	b.walk(s)
	b.count()
	isWhole := len(b.m.Problems) == 0
	b.complete(isWhole)
	if o.SkipUnchanged && isWhole && len(b.m.Problems) == 0 && b.m.mark == nil {
		b.problem(nil, "has no field for the mark that SkipUnchanged needs: embed store.Snapshot, "+
			"or tag a store.Mark with store:\"mark\"")
	}
	if o.Combine && len(b.m.Problems) == 0 {
		b.combine()
	}
	return b.m
}

// combine notes why entities cannot be combined.
func (b *mapper) combine() {
	switch {
	case b.m.isAuto:
		b.m.Problems = append(b.m.Problems, Problem{Text: "RepositoryOptions.Combine: the database moves the version " +
			"of " + Text(b.m.Type) + " by its own number, and combined calls each need one"})
	case b.m.hasGenerated:
		b.m.Problems = append(b.m.Problems, Problem{Text: "RepositoryOptions.Combine: " + Text(b.m.Type) + " has a " +
			"generated field, which only a write of its own can read back for each call"})
	}
}

// count notes as a problem that there is not exactly one key and one version.
func (b *mapper) count() {
	switch {
	case b.keys == 0:
		b.problem(nil, "no field is the key: tag one of type %s with store:\"key\"", Text(b.keyType))
	case b.keys > 1:
		b.problem(nil, "%d fields are tagged as the key: a composite key is one field of a struct type", b.keys)
	}
	switch {
	case b.versions == 0:
		b.problem(nil, "no field is the version: embed store.Snapshot, or tag an int64 with store:\"version\"")
	case b.versions > 1:
		b.problem(nil, "%d fields are tagged as the version", b.versions)
	}
}

// problem notes what is wrong with a field, or with the type where field is nil.
func (b *mapper) problem(field types.Object, format string, args ...any) {
	p := Problem{Text: Text(b.m.Type)}
	if field != nil {
		p.Text, p.Pos = p.Text+"."+field.Name(), field.Pos()
	}
	p.Text += ": " + fmt.Sprintf(format, args...)
	b.m.Problems = append(b.m.Problems, p)
}

// how says how a backend stores a field.
type how uint8

const (
	skipped how = iota
	inlined
	stored
)

// naming says how the tags store a field, and under which name.
func (b *mapper) naming(f *types.Var, isExported bool, tag reflect.StructTag) (how, string) {
	tags := b.tags
	if tags == Either {
		_, hasDB := tag.Lookup("db")
		_, hasBSON := tag.Lookup("bson")
		tags = SQL
		if hasBSON && !hasDB {
			tags = BSON
		}
	}
	if tags == BSON {
		return namingBSON(f, isExported, tag)
	}
	name, _, _ := strings.Cut(tag.Get("db"), ",")
	_, isStruct := structOf(f.Type())
	if p, ok := f.Type().Underlying().(*types.Pointer); ok {
		_, isStruct = structOf(p.Elem())
	}
	switch {
	case name == "-":
		return skipped, ""
	case f.Embedded() && name == "" && isStruct && (isExported || !isPointer(f.Type())):
		return inlined, ""
	case !isExported:
		return skipped, ""
	case name == "":
		name = strings.ToLower(f.Name())
	}
	return stored, name
}

// namingBSON is naming as MongoDB's driver reads tags: an embedded struct is a value of its own unless it is inline.
func namingBSON(f *types.Var, isExported bool, tag reflect.StructTag) (how, string) {
	text, ok := tag.Lookup("bson")
	if !ok && !strings.Contains(string(tag), ":") {
		text = string(tag)
	}
	if text == "-" || !isExported {
		return skipped, ""
	}
	name, options, _ := strings.Cut(text, ",")
	for option := range strings.SplitSeq(options, ",") {
		if option == "inline" {
			return inlined, ""
		}
	}
	if name == "" {
		name = strings.ToLower(f.Name())
	}
	return stored, name
}

// walk maps the fields of a struct: the entity's, and that of each struct that is stored inline.
func (b *mapper) walk(s *types.Struct) {
	for i := range s.NumFields() {
		f := s.Field(i)
		tags := reflect.StructTag(s.Tag(i))
		text, isTagged := tags.Lookup("store")
		isExported, isHidden := f.Exported(), !f.Exported()
		if _, isStruct := structOf(f.Type()); f.Embedded() && isStruct {
			isExported = true
		}
		if !isExported {
			if isTagged {
				b.problem(f, "is tagged but not exported")
			}
			continue
		}
		tag, problems := parseTag(text)
		for _, p := range problems {
			b.problem(f, "%s", p)
		}
		if tag.readAt {
			b.setRead(f)
			continue
		}
		if tag.mark {
			b.setMark(f)
			continue
		}
		how, name := b.naming(f, isExported, tags)
		if isHidden && how == stored {
			b.problem(f,
				"is embedded and not exported, and would be stored as a value of its own: inline or export it")
			continue
		}
		b.field(f, tag, how, name, tags)
	}
}

func (b *mapper) setRead(f *types.Var) {
	if !isTime(f.Type()) {
		b.problem(f, "is tagged readat and must be a time.Time, not %s", Text(f.Type()))
	}
	if b.m.readAt != nil {
		b.problem(f, "is a second field tagged readat")
	}
	b.m.readAt = &Field{Var: f, Name: f.Name(), Type: f.Type()}
}

func (b *mapper) setMark(f *types.Var) {
	if basic, ok := f.Type().Underlying().(*types.Basic); !ok || basic.Kind() != types.Uint64 {
		b.problem(f, "is tagged mark and must be a store.Mark, not %s", Text(f.Type()))
	}
	if b.m.mark != nil {
		b.problem(f, "is a second field tagged mark")
	}
	b.m.mark = &Field{Var: f, Name: f.Name(), Type: f.Type()}
}

// storePath is the package whose Snapshot entities embed.
const storePath = "github.com/stillframe/stillframe/store"

// field maps one exported field by what the tags say of it.
func (b *mapper) field(f *types.Var, tag storeTag, how how, name string, tags reflect.StructTag) {
	if isNamed(f.Type(), storePath, "Snapshot") && how != inlined {
		b.problem(f, "would be stored as a value of its own, not as a version beside the other fields: "+
			"embed it without a db tag and with bson:\",inline\"")
		b.versions++
		return
	}
	if p, ok := types.Unalias(f.Type()).(*types.Pointer); ok && isNamed(p.Elem(), storePath, "Snapshot") {
		b.problem(f, "is embedded by pointer: embed store.Snapshot itself")
		b.versions++
		return
	}
	switch how {
	case skipped:
		role := tag.role()
		if tag.generated {
			role = "generated"
		}
		if role != "" {
			b.problem(f, "is tagged %q but is not stored", role)
		}
	case inlined:
		s, ok := structOf(f.Type())
		if !ok {
			b.problem(f, "is inline and must be a struct, not %s", Text(f.Type()))
			return
		}
		if len(tag.words) > 0 {
			b.problem(f, "is inline and takes no store tag")
		}
		if storesItself(f.Type(), s) {
			b.problem(f, "embeds %s, which stores itself as one value and has no columns: give the field a name",
				Text(f.Type()))
			return
		}
		b.walk(s)
	case stored:
		b.store(f, tag, name)
	}
}

// storesItself reports whether a type that is embedded is one value by its own methods.
func storesItself(t types.Type, s *types.Struct) bool {
	if isValuer(t) || isConvertibleToTime(t) {
		return true
	}
	for f := range s.Fields() {
		if f.Exported() || f.Embedded() {
			return false
		}
	}
	return hasCodec(t)
}

// store describes a field that is stored under a name of its own, and puts it where it belongs.
func (b *mapper) store(f *types.Var, tag storeTag, name string) {
	d := &Field{Var: f, Name: f.Name(), Path: name, Type: f.Type()}
	var problems []string
	if tag.key {
		problems = b.keyField(d, f, tag)
	} else {
		problems = b.describe(d, tag)
	}
	for _, p := range problems {
		b.problem(f, "%s", p)
	}
	if other, ok := b.paths[d.Path]; ok {
		b.problem(f, "is stored as %q, and so is %s", d.Path, other)
	}
	b.paths[d.Path] = f.Name()
	b.place(d, tag)
}

// place puts a field where its role belongs.
func (b *mapper) place(d *Field, tag storeTag) {
	switch {
	case tag.key:
		b.keys++
		b.m.key, b.m.isAutoKey = d, tag.auto
		return
	case tag.version:
		b.versions++
		basic, ok := d.Type.Underlying().(*types.Basic)
		if !ok || basic.Kind() != types.Int64 || d.IsValuer {
			b.problem(d.Var, "is the version and must be an int64, not %s", Text(d.Type))
		}
		b.m.version, b.m.isAuto = d, tag.auto
		return
	case tag.created || tag.updated:
		if d.Base == nil || !isTime(d.Base) {
			b.problem(d.Var, "is tagged %s and must be a time.Time, not %s", tag.role(), Text(d.Type))
		}
		place := &b.m.created
		if tag.updated {
			place = &b.m.updated
		}
		if *place {
			b.problem(d.Var, "is a second field tagged %s", tag.role())
		}
		*place = true
	}
	b.m.hasGenerated = b.m.hasGenerated || tag.generated
	if tag.unique {
		b.index(d.Var, tag.uniqueName, true)
	}
	if tag.index {
		b.index(d.Var, tag.indexName, false)
	}
	b.stored = append(b.stored, d)
}

// index notes that a field belongs to an index of that name.
func (b *mapper) index(field types.Object, name string, isUnique bool) {
	if name == "" {
		return // one of the field's own
	}
	if before, ok := b.unique[name]; ok && before != isUnique {
		b.problem(field, "names the index %q, which is unique for one field and not for another", name)
		return
	}
	b.unique[name] = isUnique
}

// complete makes the fields known by their names, and, where nothing was wrong before, looks at what needs all of them.
func (b *mapper) complete(isWhole bool) {
	all := b.stored
	for _, f := range []*Field{b.m.version, b.m.key} {
		if f != nil {
			all = append(all, f)
			all = append(all, f.Parts...)
		}
	}
	for _, f := range all {
		if other, ok := b.m.Fields[f.Name]; ok && isWhole {
			b.problem(f.Var, "is the Go name of two stored fields, %q and %q", other.Path, f.Path)
		}
		b.m.Fields[f.Name] = f
	}
	fn, _ := method(b.m.Type, true, "Validate")
	if fn == nil || !isWhole {
		return
	}
	s := fn.Signature()
	if s.Params().Len() != 0 || s.Results().Len() != 1 || !types.Identical(s.Results().At(0).Type(), errorType) {
		b.problem(fn, "would never be called: it must be a func() error")
	}
}

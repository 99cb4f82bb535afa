package mapping

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/stillframe/stillframe/store/driver"
)

// mapper collects the fields of a type and everything that is wrong with them.
type mapper struct {
	Params

	m        *Mapping
	indexes  []driver.Index
	indexOf  map[string]int
	indexed  map[string][]string // index name to field names
	paths    map[string]string   // stored name to Go name
	keys     int
	versions int
	problems []error
}

// New compiles the mapping of p.Type, or returns everything that is wrong with it: each problem
// names type and field.
func New(p Params) (m *Mapping, problems []error) {
	b := &mapper{
		Params:  p,
		m:       &Mapping{info: p.Info, now: p.Now, created: -1, updated: -1, byName: map[string]*driver.Field{}},
		indexOf: map[string]int{}, indexed: map[string][]string{}, paths: map[string]string{},
	}
	if p.Table == "" {
		b.problem("", "the table's name is empty")
	}
	if p.Type.Kind() != reflect.Struct || p.Type == timeType {
		b.problem("", "an entity is a struct")
		return nil, b.problems
	}
	if problem := keyTypeProblem(p.Key); problem != "" {
		b.problem("", "%s cannot be a key: %s", p.Key, problem)
	}
	b.m.Spec.Table, b.m.Spec.Type = p.Table, p.Type
	b.walk(p.Type, nil)
	b.count()
	if len(b.problems) == 0 {
		b.complete()
	}
	if p.HasMarks && len(b.problems) == 0 {
		b.completeMarks()
	}
	if len(b.problems) > 0 {
		return nil, b.problems
	}
	return b.m, nil
}

// count notes as a problem that there is not exactly one key and one version.
func (b *mapper) count() {
	switch {
	case b.keys == 0:
		b.problem("", "no field is the key: tag one of type %s with store:\"key\"", b.Key)
	case b.keys > 1:
		b.problem("", "%d fields are tagged as the key: a composite key is one field of a struct type", b.keys)
	}
	switch {
	case b.versions == 0:
		b.problem("", "no field is the version: embed store.Snapshot, or tag an int64 with store:\"version\"")
	case b.versions > 1:
		b.problem("", "%d fields are tagged as the version", b.versions)
	}
}

// problem notes what is wrong with a field, or with the type where field is empty. text is a sentence
// without a subject for a field.
func (b *mapper) problem(field, format string, args ...any) {
	name := b.Type.String()
	if field != "" {
		name += "." + field
	}
	b.problems = append(b.problems, fmt.Errorf("%s: %s", name, fmt.Sprintf(format, args...)))
}

// walk maps the fields of a struct: the entity's, for New, and that of each struct that is stored
// inline, whose fields stand beside the others. index leads to that struct. A field that is not stored
// is passed over, but not in silence where a store tag says that somebody counts on it.
func (b *mapper) walk(t reflect.Type, index []int) {
	for i := range t.NumField() {
		f := t.Field(i)
		path := append(append([]int{}, index...), i)
		text, isTagged := f.Tag.Lookup("store")
		isHidden := !f.IsExported()
		if f.Anonymous && f.Type.Kind() == reflect.Struct {
			f.PkgPath = "" // the fields of an unexported embedded struct are exported all the same
		}
		if !f.IsExported() {
			if isTagged {
				b.problem(f.Name, "is tagged but not exported")
			}
			continue
		}
		tag, problems := parseTag(text)
		for _, p := range problems {
			b.problem(f.Name, "%s", p)
		}
		if tag.readAt {
			b.setReadAt(f, path)
			continue
		}
		if tag.mark {
			b.setMark(f, path)
			continue
		}
		naming := b.Resolve(f)
		if isHidden && naming.How == driver.Stored {
			b.problem(f.Name,
				"is embedded and not exported, and would be stored as a value of its own: inline or export it")
			continue
		}
		b.field(f, path, tag, naming)
	}
}

// storesItself reports whether a type that is embedded is one value by its own methods, so that its
// fields, if it has any, are not what is to be stored.
func storesItself(t reflect.Type) bool {
	if isValuer(t) || t.ConvertibleTo(timeType) {
		return true
	}
	for i := range t.NumField() {
		if t.Field(i).IsExported() || t.Field(i).Anonymous {
			return false
		}
	}
	return hasCodec(t)
}

func (b *mapper) setReadAt(f reflect.StructField, path []int) {
	if f.Type != timeType {
		b.problem(f.Name, "is tagged readat and must be a time.Time, not %s", f.Type)
	}
	if b.m.readAt != nil {
		b.problem(f.Name, "is a second field tagged readat")
	}
	b.m.readAt = &driver.Field{Name: f.Name, Index: path, Type: f.Type}
}

func (b *mapper) setMark(f reflect.StructField, path []int) {
	if f.Type.Kind() != reflect.Uint64 {
		b.problem(f.Name, "is tagged mark and must be a store.Mark, not %s", f.Type)
	}
	if b.m.mark != nil {
		b.problem(f.Name, "is a second field tagged mark")
	}
	b.m.mark = &driver.Field{Name: f.Name, Index: path, Type: f.Type}
}

// field maps one exported field by what the backend says of it. A Snapshot that would be stored as a
// value of its own gets a text of its own: with MongoDB's driver that is the default, and the version
// would then be in a subdocument, where no write looks for it.
func (b *mapper) field(f reflect.StructField, path []int, tag storeTag, naming driver.Naming) {
	if f.Type == b.Snapshot && naming.How != driver.Inline {
		b.problem(f.Name, "would be stored as a value of its own, not as a version beside the other fields: "+
			"embed it without a db tag and with bson:\",inline\"")
		b.versions++ // or count would say that there is no version
		return
	}
	if f.Type == reflect.PointerTo(b.Snapshot) {
		b.problem(f.Name, "is embedded by pointer: embed store.Snapshot itself")
		b.versions++
		return
	}
	switch naming.How {
	case driver.Skip:
		role := tag.role()
		if tag.generated {
			role = "generated"
		}
		if role != "" {
			b.problem(f.Name, "is tagged %q but is not stored", role)
		}
	case driver.Inline:
		if f.Type.Kind() != reflect.Struct {
			b.problem(f.Name, "is inline and must be a struct, not %s", f.Type)
			return
		}
		if len(tag.words) > 0 {
			b.problem(f.Name, "is inline and takes no store tag")
		}
		if storesItself(f.Type) {
			b.problem(f.Name, "embeds %s, which stores itself as one value and has no columns: give the field a name",
				f.Type)
			return
		}
		b.walk(f.Type, path)
	case driver.Stored:
		b.stored(f, path, tag, naming)
	}
}

// stored describes a field that the backend stores under a name of its own, and puts it where it
// belongs. Two fields of one stored name would overwrite each other.
func (b *mapper) stored(f reflect.StructField, path []int, tag storeTag, naming driver.Naming) {
	d := driver.Field{Name: f.Name, Path: naming.Name, Index: path, Type: f.Type, Tag: f.Tag}
	var problems []string
	if tag.key {
		problems = keyField(&d, f, tag, &b.Params)
	} else {
		problems = describe(&d, tag, naming.Opaque, b.Info)
	}
	for _, p := range problems {
		b.problem(f.Name, "%s", p)
	}
	if other, ok := b.paths[d.Path]; ok {
		b.problem(f.Name, "is stored as %q, and so is %s", d.Path, other)
	}
	b.paths[d.Path] = f.Name
	b.place(d, tag)
}

// place puts a field where its role belongs.
func (b *mapper) place(d driver.Field, tag storeTag) {
	spec := &b.m.Spec
	switch {
	case tag.key:
		b.keys++
		spec.Key, spec.KeyAuto = d, tag.auto
		return
	case tag.version:
		b.versions++
		if d.Type.Kind() != reflect.Int64 || d.Valuer {
			b.problem(d.Name, "is the version and must be an int64, not %s", d.Type)
		}
		if tag.auto && !b.Info.AutoVersion {
			b.problem(d.Name, "is tagged version,auto, and %s has no versions that it moves itself", b.Info.Name)
		}
		spec.Version, spec.VersionAuto = d, tag.auto
		return
	case tag.created || tag.updated:
		if d.Base != timeType {
			b.problem(d.Name, "is tagged %s and must be a time.Time, not %s", tag.role(), d.Type)
		}
		place := &b.m.created
		if tag.updated {
			place = &b.m.updated
		}
		if *place >= 0 {
			b.problem(d.Name, "is a second field tagged %s", tag.role())
		}
		*place = len(spec.Fields)
	}
	if tag.unique {
		b.index(d.Name, indexName(tag.uniqueName, b.Table, d.Path), true)
	}
	if tag.index {
		b.index(d.Name, indexName(tag.indexName, b.Table, d.Path), false)
	}
	spec.Fields = append(spec.Fields, d)
}

// index notes that a field belongs to an index. Fields that name the same one share it.
func (b *mapper) index(field, name string, unique bool) {
	i, ok := b.indexOf[name]
	if !ok {
		i = len(b.indexes)
		b.indexOf[name] = i
		b.indexes = append(b.indexes, driver.Index{Name: name, Unique: unique})
	}
	if b.indexes[i].Unique != unique {
		b.problem(field, "names the index %q, which is unique for one field and not for another", name)
	}
	b.indexed[name] = append(b.indexed[name], field)
}

// indexName is the name of an index: the one in the tag, else table and column.
func indexName(name, table, column string) string {
	if name != "" {
		return name
	}
	return table[strings.LastIndexByte(table, '.')+1:] + "_" + column
}

// complete fills in what needs all fields in their final places.
func (b *mapper) complete() {
	m := b.m
	spec := &m.Spec
	for i := range spec.Fields {
		b.nameable(&spec.Fields[i])
	}
	b.nameable(&spec.Version)
	b.nameable(&spec.Key)
	for i := range spec.Key.Parts {
		b.nameable(&spec.Key.Parts[i])
	}
	for i := range b.indexes {
		for _, name := range b.indexed[b.indexes[i].Name] {
			b.indexes[i].Fields = append(b.indexes[i].Fields, m.byName[name])
		}
	}
	spec.Indexes = b.indexes
	m.equal = make([]equalFunc, len(spec.Fields))
	for i := range spec.Fields {
		m.equal[i] = equalOf(&spec.Fields[i], b.Info)
		if spec.Fields[i].Generated { // what is never written needs no check
			m.generated = append(m.generated, i)
			continue
		}
		if c := checkOf(&spec.Fields[i], b.Info); c != nil {
			m.checks = append(m.checks, check{&spec.Fields[i], c})
		}
	}
	m.isSecret = spec.Key.Secret
	fields := spec.KeyFields()
	for i := range fields {
		m.isSecret = m.isSecret || fields[i].Secret
		if c := checkOf(&fields[i], b.Info); c != nil {
			m.keyChecks = append(m.keyChecks, check{&fields[i], c})
		}
	}
	m.hasValidate = reflect.PointerTo(b.Type).Implements(reflect.TypeFor[validator]())
	if v, ok := reflect.PointerTo(b.Type).MethodByName("Validate"); ok && !m.hasValidate {
		b.problem("Validate", "would never be called: it must be a func() error, not a %s",
			strings.Replace(v.Type.String(), v.Type.In(0).String(), "", 1))
	}
}

func (b *mapper) nameable(f *driver.Field) {
	if other, ok := b.m.byName[f.Name]; ok {
		b.problem(f.Name, "is the Go name of two stored fields, %q and %q", other.Path, f.Path)
	}
	b.m.byName[f.Name] = f
}

package mongo

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"unicode/utf8"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/stillframe/stillframe/store/driver"
)

// keyPath is where every document has its key.
const keyPath = "_id"

// plan says how the entities of one type are stored in one collection. It is made once and never
// changes.
type plan struct {
	spec        *driver.Spec
	key         *codec   // nil for a composite key
	parts       []*codec // of a composite key, in the order of the struct's fields
	version     *codec
	fields      []*codec          // of Spec.Fields
	written     []int             // the indexes of those that are not Generated
	back        bson.Raw          // the projection of the version and those that are
	byPath      map[string]*codec // of the document's top level but for the key
	byName      map[string]*codec // by the Go name, for queries
	projection  bson.Raw          // the fields that are mapped
	copier      *driver.Copier
	hasTextKey  bool // the key holds a string
	hasDecimals bool
	faults      []error
}

// longestNamespace is the most bytes of a database's name, a dot and a collection's name, from MongoDB
// 4.4 on.
const longestNamespace = 255

// checkName says why a name cannot be that of a collection in a database, empty when it can. The server
// says so with the first call alone, and takes what is no UTF-8, which no other program can read.
func checkName(database, name string) string {
	most := longestNamespace - len(database) - len(".")
	switch {
	case strings.ContainsAny(name, "$\x00") || !utf8.ValidString(name):
		return "has a $, a zero byte, or bytes that are no UTF-8"
	case strings.HasPrefix(name, "."):
		return "starts with a dot"
	case strings.HasPrefix(name, "system.") || strings.Contains(name, ".system."):
		return "is one of the server's own, with system"
	case len(name) > most:
		return fmt.Sprintf("is longer than %d bytes, which are left beside the database's name", most)
	}
	return ""
}

// newPlan makes the plan of a collection, with all faults of the mapping that MongoDB would answer with an error
// later, or not at all. Collection calls it, so that a wrong mapping fails when the program starts.
func newPlan(spec *driver.Spec, database string, caller *bson.Registry) (*plan, error) {
	p := &plan{spec: spec, byPath: map[string]*codec{}, byName: map[string]*codec{}}
	r := newRegistry(caller)
	if problem := checkName(database, spec.Table); problem != "" {
		p.faults = append(p.faults, fmt.Errorf("%s: %q cannot be the name of a collection: it %s",
			spec.Type, spec.Table, problem))
	}
	p.planKey(r)
	p.version = newCodec(&spec.Version, spec.Version.Path, r.own)
	p.add(p.version)
	for i := range spec.Fields {
		f := &spec.Fields[i]
		c := newCodec(f, f.Path, r.own)
		if f.Kind == driver.Nested || f.Kind == driver.Opaque {
			r.faults = nil
			r.learn(f.Base)
			for _, fault := range r.faults {
				p.fault(f, "%s", fault)
			}
			if f.Kind == driver.Nested {
				c.layouts, c.layout = r.layouts, r.layouts[f.Base]
			}
			if c.truncate {
				p.fault(f, "has the option truncate, which works on a number alone")
			}
		}
		p.hasDecimals = p.hasDecimals || f.Kind == driver.Decimal
		p.fields = append(p.fields, c)
		if !f.Generated {
			p.written = append(p.written, i)
		}
		p.add(c)
	}
	for _, index := range spec.Indexes {
		if index.Name == keyPath+"_" {
			p.fault(index.Fields[0], "names an index %q, which is that of the key", index.Name)
		}
	}
	p.projection = projectionOf(p.paths())
	back := []string{spec.Version.Path}
	for i := range spec.Fields {
		if spec.Fields[i].Generated {
			back = append(back, spec.Fields[i].Path)
		}
	}
	p.back = projectionOf(back)
	p.copier = driver.NewCopier(spec, p.copyOf)
	return p, errors.Join(p.faults...)
}

// projectionOf asks for the fields of some paths, and the key.
func projectionOf(paths []string) bson.Raw {
	at, b := beginDocument(nil)
	for _, path := range paths {
		b = appendInt32(appendHeader(b, bson.TypeInt32, path), 1)
	}
	return endDocument(b, at)
}

func (p *plan) fault(f *driver.Field, format string, args ...any) {
	p.faults = append(p.faults, fmt.Errorf("%s.%s: %s", p.spec.Type, f.Name, fmt.Sprintf(format, args...)))
}

// planKey plans the key, for newPlan. A composite key is a subdocument: it is never updated and never partly
// missing, since to the server another order or number of its fields is another key.
func (p *plan) planKey(r *registry) {
	key := &p.spec.Key
	if key.Path != keyPath {
		p.fault(key, "is the key and is stored as %q: a document's key is _id, so tag it bson:\"_id\"", key.Path)
	}
	if p.spec.KeyAuto && key.Base != objectIDType {
		p.fault(key, "is tagged auto, and only a bson.ObjectID is made here")
	}
	if parseTag(reflect.StructField{Name: key.Name, Tag: key.Tag}).omitEmpty {
		p.fault(key, "is the key and cannot be left out: take omitempty away")
	}
	if key.Kind != driver.Composite {
		p.key = p.keyCodec(key, keyPath, r)
		p.byName[key.Name] = p.key
		p.hasTextKey = key.Kind == driver.String || p.key.isCoded
		return
	}
	for i := range key.Parts {
		part := &key.Parts[i]
		c := p.keyCodec(part, keyPath+"."+part.Path, r)
		if c.omitEmpty {
			p.fault(part, "is a part of the key and cannot be left out: take omitempty away")
		}
		p.checkPath(part)
		p.parts = append(p.parts, c)
		p.byName[part.Name] = c
		p.hasTextKey = p.hasTextKey || part.Kind == driver.String || c.isCoded
	}
}

// keyCodec makes the codec of a key or a part of one. Package store knows it by its kind, and is given it
// back as that; in a document it is what the type's own codec, or that of the caller's registry, makes.
func (p *plan) keyCodec(f *driver.Field, path string, r *registry) *codec {
	c := newCodec(f, path, r.own)
	if c.isCoded = isOpaque(f.Base, r.caller); c.isCoded {
		r.learn(f.Base)
	}
	return c
}

// add takes a field of the document's top level into the plan.
func (p *plan) add(c *codec) {
	p.checkPath(c.field)
	if c.field.Path == keyPath {
		p.fault(c.field, "is stored as _id, which is the key's place")
	}
	p.byPath[c.field.Path] = c
	p.byName[c.field.Name] = c
}

// checkPath refuses names that mean something else in an update or a query.
func (p *plan) checkPath(f *driver.Field) {
	if !isFieldName(f.Path) {
		p.fault(f, "is stored as %q: %s", f.Path, fieldNameRule)
	}
}

// paths are the stored names of the document's top level.
func (p *plan) paths() []string {
	paths := []string{keyPath, p.spec.Version.Path}
	for i := range p.spec.Fields {
		paths = append(paths, p.spec.Fields[i].Path)
	}
	return paths
}

// appendKey appends a key, a value of the type of Spec.Key, as an element. A composite one is a
// subdocument, whose fields are always in the same order: to the server another order is another
// key.
func (p *plan) appendKey(b []byte, name string, key reflect.Value) ([]byte, error) {
	if p.key != nil {
		return p.key.appendKeyElement(b, name, key)
	}
	at, b := beginDocument(appendHeader(b, bson.TypeEmbeddedDocument, name))
	for _, part := range p.parts {
		index := part.field.Index
		var err error
		if b, err = part.appendKeyElement(b, part.field.Path, key.Field(index[len(index)-1])); err != nil {
			return nil, err
		}
	}
	return endDocument(b, at), nil
}

// decode fills the mapped fields of a record, which are zero, from a document, for Get and Find. What is not
// mapped is passed over, and so is a field that is missing: it stays zero.
func (p *plan) decode(r driver.Record, doc bson.Raw) error {
	rest, err := elementsOf(doc)
	if err != nil {
		return err
	}
	for len(rest) > 0 {
		var e element
		if e, rest, err = nextElement(rest); err != nil {
			return err
		}
		if string(e.key) == keyPath {
			err = p.decodeKey(r, e)
		} else if c := p.byPath[string(e.key)]; c != nil {
			err = c.decode(r.Field(c.field), e)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// decodeKey is decode for the key.
func (p *plan) decodeKey(r driver.Record, e element) error {
	if p.key != nil {
		return p.key.decode(r.Field(p.key.field), e)
	}
	if e.kind != bson.TypeEmbeddedDocument {
		return &driver.ValueError{Field: p.spec.Key.Name, Problem: "the stored key is no subdocument"}
	}
	rest, err := elementsOf(e.value)
	if err != nil {
		return err
	}
	for len(rest) > 0 {
		var part element
		if part, rest, err = nextElement(rest); err != nil {
			return err
		}
		for _, c := range p.parts {
			if string(part.key) == c.field.Path {
				if err := c.decode(r.Field(c.field), part); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// versionOf returns the version of a document, 0 where it has none.
func (p *plan) versionOf(doc bson.Raw) (int64, error) {
	e, err := find(doc, p.version.field.Path)
	if err != nil || e.kind == 0 || e.kind == bson.TypeNull {
		return 0, err
	}
	n, ok := p.version.integer(e.raw())
	if !ok {
		return 0, p.version.errorf(nil, "stored value of BSON type %v is no version", e.kind)
	}
	return n, nil
}

// find returns the element of a document with a key. Its kind is 0 where there is none.
func find(doc []byte, key string) (element, error) {
	rest, err := elementsOf(doc)
	for err == nil && len(rest) > 0 {
		var e element
		if e, rest, err = nextElement(rest); err == nil && string(e.key) == key {
			return e, nil
		}
	}
	return element{}, err
}

package mongo

import (
	"encoding/json"
	"math"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/stillframe/stillframe/store/driver"
)

// index is an index that a mapping needs.
type index struct {
	name    string
	paths   []string
	unique  bool
	hasText bool   // it holds strings, so that its collation counts
	partial bson.D // what a document must hold to be in it, nil for all
}

// partsIndex is the index of a composite key's parts: that of _id holds whole keys alone.
const partsIndex = "key_parts"

// indexes are the indexes that the plan needs, that of _id not among them, for EnsureSchema, CheckSchema and
// DDL.
func (p *plan) indexes() []index {
	var all []index
	if p.key == nil {
		x := index{name: partsIndex}
		for _, part := range p.parts {
			x.paths = append(x.paths, part.path)
			x.hasText = x.hasText || part.field.Kind == driver.String
		}
		all = append(all, x)
	}
	for i := range p.spec.Indexes {
		wanted := &p.spec.Indexes[i]
		x := index{name: wanted.Name, unique: wanted.Unique}
		for _, f := range wanted.Fields {
			c := p.byName[f.Name]
			x.paths = append(x.paths, c.path)
			x.hasText = x.hasText || f.Kind == driver.String
			if wanted.Unique && (f.Nullable() || c.omitEmpty) {
				x.partial = append(x.partial, bson.E{Key: c.path, Value: bson.D{{Key: "$gte", Value: leastOf(f)}}})
			}
		}
		all = append(all, x)
	}
	return all
}

// leastOf is the least value of a field's type, for the partial unique indexes of indexes. To a unique index of
// MongoDB null is a value like any other; documents without a value stay out of an index of those that are at
// least the least one. A query for a value can use such an index, which it could not use if the type were asked
// for.
func leastOf(f *driver.Field) any {
	switch f.Kind {
	case driver.Bool:
		return false
	case driver.String:
		return ""
	case driver.Time:
		return bson.DateTime(math.MinInt64)
	case driver.Bytes, driver.ByteArray, driver.UUID:
		if f.Base == objectIDType {
			return bson.NilObjectID
		}
		return bson.Binary{}
	}
	return math.Inf(-1)
}

// severity is what the lack of an index costs: uniqueness is a guarantee, speed is none.
func (x index) severity() driver.Severity {
	if x.unique {
		return driver.SeverityMust
	}
	return driver.SeverityWeaker
}

// cost says what the lack of an index costs.
func (x index) cost() string {
	if x.unique {
		return ": two documents can have one value"
	}
	return ": what it would serve is slower"
}

func (x index) key() bson.D {
	key := bson.D{}
	for _, path := range x.paths {
		key = append(key, bson.E{Key: path, Value: int32(1)})
	}
	return key
}

// document is the index as createIndexes takes it. It states the collation, since it would take
// over another one of its collection.
func (x index) document() bson.D {
	d := bson.D{
		{Key: "key", Value: x.key()},
		{Key: "name", Value: x.name},
		{Key: "collation", Value: bson.D{{Key: "locale", Value: "simple"}}},
	}
	if x.unique {
		d = append(d, bson.E{Key: "unique", Value: true})
	}
	if x.partial != nil {
		d = append(d, bson.E{Key: "partialFilterExpression", Value: x.partial})
	}
	return d
}

func (c *collection) createCommand() bson.D {
	command := bson.D{{Key: "create", Value: c.spec.Table}}
	if c.db.options.Validators {
		command = append(command, bson.E{Key: "validator", Value: c.validator()})
	}
	return command
}

func (c *collection) indexCommand(wanted []index) bson.D {
	list := bson.A{}
	for _, x := range wanted {
		list = append(list, x.document())
	}
	return bson.D{{Key: "createIndexes", Value: c.spec.Table}, {Key: "indexes", Value: list}}
}

// statement is a command as a statement of mongosh, for DDL and for the fixes of CheckSchema. Where plain JSON
// cannot say a type, the text is extended JSON.
func statement(command bson.D) string {
	text, err := bson.MarshalExtJSON(command, false, false)
	if err != nil {
		return ""
	}
	for _, typed := range []string{`{"$number`, `{"$date"`, `{"$binary"`, `{"$oid"`} {
		if strings.Contains(string(text), typed) {
			quoted, err := json.Marshal(string(text))
			if err != nil {
				return ""
			}
			return "db.runCommand(EJSON.parse(" + string(quoted) + "))"
		}
	}
	return "db.runCommand(" + string(text) + ")"
}

// validator is the $jsonSchema of what the mapping stores, for Options.Validators. A field may be missing; what
// is not mapped is not looked at, so that other programs may store more.
func (p *plan) validator() bson.D {
	number := bson.D{{Key: "bsonType", Value: bson.A{"int", "long", "double", "null"}}}
	properties := bson.D{{Key: p.version.path, Value: number}}
	for _, c := range p.fields {
		types := typesOf(c.field)
		if types == nil {
			continue
		}
		list := bson.A{}
		for _, t := range types {
			list = append(list, t)
		}
		if c.field.Nullable() {
			list = append(list, "null")
		}
		property := bson.D{{Key: "bsonType", Value: list}}
		if c.field.Kind == driver.String && c.field.Size > 0 {
			property = append(property, bson.E{Key: "maxLength", Value: int32(c.field.Size)})
		}
		properties = append(properties, bson.E{Key: c.path, Value: property})
	}
	object := bson.D{{Key: "bsonType", Value: "object"}, {Key: "properties", Value: properties}}
	return bson.D{{Key: "$jsonSchema", Value: object}}
}

// typesOf are, for validator and checkTypes, the BSON types, by the server's names for them, in which a field's
// values may be stored, the one in which they are written first. It is nil where that is not known.
func typesOf(f *driver.Field) []string {
	switch f.Kind {
	case driver.Bool:
		return []string{"bool"}
	case driver.Int, driver.Uint:
		return []string{"long", "int", "double"}
	case driver.Float:
		return []string{"double", "int", "long"}
	case driver.String:
		return []string{"string"}
	case driver.Bytes, driver.ByteArray, driver.UUID:
		if f.Base == objectIDType {
			return []string{"objectId"}
		}
		return []string{"binData"}
	case driver.Time:
		return []string{"date"}
	case driver.Decimal:
		return []string{"decimal", "int", "long"}
	}
	return nil
}

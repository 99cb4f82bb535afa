package mongo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
	mongodriver "go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/stillframe/stillframe/store/driver"
)

// checkOptions compares what the collection was created with: whether it is one, its collation, its validator.
func (a *audit) checkOptions() {
	if a.kind != "" && a.kind != "collection" {
		a.differ(driver.SeverityMust, "", "this is a "+a.kind+", whose documents cannot be written")
		return
	}
	if locale, ok := a.options.Lookup("collation", "locale").StringValueOK(); ok && locale != "simple" {
		a.differ(driver.SeverityWeaker, "", fmt.Sprintf("the collection's collation is %s, by which its index on _id "+
			"takes keys for equal, and which does not serve comparisons by code point; it cannot be altered: copy the "+
			"documents into a collection without one while no program writes, or leave it", locale))
	}
	if !a.db.options.Validators {
		return
	}
	want, err := bson.Marshal(a.validator())
	if have, ok := a.options.Lookup("validator").DocumentOK(); err == nil && (!ok || !bytes.Equal(have, want)) {
		problem := "the collection has no validator: it takes documents of any form from other programs"
		if ok {
			problem = "the validator is not that of the mapping; the fix replaces it, whoever made it"
		}
		a.differ(driver.SeverityWeaker, "", problem,
			statement(bson.D{{Key: "collMod", Value: a.spec.Table}, {Key: "validator", Value: a.validator()}}))
	}
}

// checkIndexes lists the indexes that are missing or other than the mapping needs them. What is there stays, for what
// uses it, and the wanted one is made beside it under a free name: the server takes indexes over the same fields that
// differ in what they hold or refuse. One that refuses more is a rule of the collection, of which checkRules speaks.
// One that is only hidden is shown.
func (a *audit) checkIndexes() {
	for _, want := range a.indexes() {
		if a.satisfying(want) != nil {
			continue
		}
		other := a.hindering(want)
		problem := "the index does not exist" + want.cost()
		beside := want
		switch {
		case a.match(func(x *liveIndex) bool { return x.refusesEnough(want) }) != nil:
			continue // checkRules says what more it refuses
		case other != nil && other.Hidden && other.Unique == want.unique && other.serves(want):
			a.differ(want.severity(), want.name, a.problemOf(want, other)+", so that no query uses it",
				statement(bson.D{
					{Key: "collMod", Value: a.spec.Table},
					{Key: "index", Value: bson.D{{Key: "name", Value: other.Name}, {Key: "hidden", Value: false}}},
				}))
			continue
		case other != nil:
			problem = a.problemOf(want, other) + want.cost() + "; it stays, for what uses it, and the fix makes " +
				"another one beside it"
			for n := 2; a.match(func(x *liveIndex) bool { return x.Name == beside.name }) != nil; n++ {
				beside.name = want.name + "_" + strconv.Itoa(n)
			}
		}
		create := statement(a.indexCommand([]index{beside}))
		a.differ(want.severity(), want.name, problem, create)
		if !want.unique {
			a.migration = append(a.migration, create)
		}
	}
}

// checkRules names unique indexes that the mapping does not know, and that refuse what it allows. They are rules of the
// collection, which other programs may count on: no statement drops them.
func (a *audit) checkRules() {
	mapped := map[string]bool{a.version.path: true}
	for _, c := range a.fields {
		mapped[c.path] = true
	}
	for i := range a.live {
		x := &a.live[i]
		if !x.Unique {
			continue
		}
		names, isMapped := map[string]bool{}, false
		var over []string
		for _, e := range x.Key {
			names[e.Key] = true
			over = append(over, e.Key)
			isMapped = isMapped || mapped[e.Key]
		}
		isAsked := names[keyPath] || slices.ContainsFunc(a.indexes(), func(want index) bool {
			isOver := want.unique && x.refusesNoMore(want)
			for _, path := range want.paths {
				isOver = isOver && names[path]
			}
			return isOver
		})
		if isMapped && !isAsked {
			over := strings.Join(over, ", ") + x.words()
			a.differ(driver.SeverityWeaker, x.Name, fmt.Sprintf("the index is unique over (%s), and the mapping does "+
				"not ask for that: a document whose values are taken is refused (ErrExists); it is a rule of the "+
				"collection, which stays: a tag unique=%s says the same, or drop it where no program counts on it",
				over, x.Name))
		}
	}
}

// serves reports whether queries can use an index as the wanted one, unless it is hidden.
func (x *liveIndex) serves(want index) bool {
	isAlike := isSameKey(x.Key, want) && isSamePartial(x.Partial, want)
	return isAlike && !x.Sparse && (len(x.Collation) == 0 || !want.hasText)
}

// refusesEnough reports whether a unique index keeps apart all that the wanted one does, or serves in its place where
// that is to be unique no more.
func (x *liveIndex) refusesEnough(want index) bool {
	isOfAll := isSameKey(x.Key, want) && (len(x.Partial) == 0 || isSamePartial(x.Partial, want))
	return isOfAll && x.Unique && (want.unique || x.serves(want) && !x.Hidden)
}

// refusesNoMore reports whether a unique index over the fields of the wanted one, or more, refuses nothing that the
// wanted one takes: NULL twice, or texts that only a collation takes for equal.
func (x *liveIndex) refusesNoMore(want index) bool {
	isNarrow := want.partial == nil || isSamePartial(x.Partial, want)
	return isNarrow && (len(x.Collation) == 0 || !want.hasText)
}

// words says what else than its fields an index goes by.
func (x *liveIndex) words() string {
	text := ""
	if locale, ok := x.Collation.Lookup("locale").StringValueOK(); ok {
		text += ", by the collation " + locale
	}
	if len(x.Partial) == 0 {
		text += ", NULL among its values"
	}
	return text
}

// satisfying returns an index that serves as the wanted one, under whatever name.
func (a *audit) satisfying(want index) *liveIndex {
	return a.match(func(x *liveIndex) bool {
		return x.serves(want) && x.Unique == want.unique && !x.Hidden
	})
}

// hindering returns an index that keeps the wanted one from being created.
func (a *audit) hindering(want index) *liveIndex {
	if x := a.match(func(x *liveIndex) bool { return x.Name == want.name }); x != nil {
		return x
	}
	return a.match(func(x *liveIndex) bool {
		return isSameKey(x.Key, want) && isSamePartial(x.Partial, want) && len(x.Collation) == 0
	})
}

func (a *audit) match(is func(x *liveIndex) bool) *liveIndex {
	for i := range a.live {
		if is(&a.live[i]) {
			return &a.live[i]
		}
	}
	return nil
}

// problemOf says for checkIndexes in what an index that is in the way differs from the wanted one.
func (a *audit) problemOf(want index, have *liveIndex) string {
	switch {
	case !isSameKey(have.Key, want):
		return "the index " + have.Name + " has other fields"
	case !have.Unique && want.unique:
		return "the index " + have.Name + " is not unique"
	case len(have.Collation) > 0 && want.hasText:
		locale, _ := have.Collation.Lookup("locale").StringValueOK()
		return "the index " + have.Name + " has the collation " + locale + ", not simple"
	case have.Hidden:
		return "the index " + have.Name + " is hidden"
	}
	return "the index " + have.Name + " holds other documents: it is sparse or partial in another way"
}

func isSameKey(key bson.D, want index) bool {
	if len(key) != len(want.paths) {
		return false
	}
	for i, e := range key {
		if e.Key != want.paths[i] || fmt.Sprint(e.Value) != "1" {
			return false
		}
	}
	return true
}

func isSamePartial(have bson.Raw, want index) bool {
	if want.partial == nil {
		return len(have) == 0
	}
	text, err := bson.Marshal(want.partial)
	return err == nil && bytes.Equal(have, text)
}

// checkShards names a shard key under which two documents can have the same _id: each shard has a unique index of
// its own alone, and an Insert of a key that is there would be no ErrDuplicate.
func (a *audit) checkShards(ctx context.Context) error {
	if !strings.Contains(a.db.info.Server, "(sharded") {
		return nil
	}
	name := a.db.native.Name() + "." + a.spec.Table
	var entry struct {
		Key bson.D `bson:"key"`
	}
	collections := a.db.client.Database("config").Collection("collections")
	err := collections.FindOne(ctx, bson.D{{Key: "_id", Value: name}}).Decode(&entry)
	if errors.Is(err, mongodriver.ErrNoDocuments) {
		return nil // it is not sharded
	}
	if err != nil {
		return err
	}
	if problem := shardProblem(entry.Key); problem != "" {
		fix := fmt.Sprintf("db.adminCommand({%q:%q,%q:{%q:1}})", "reshardCollection", name, "key", keyPath)
		a.differ(driver.SeverityMust, "", problem, fix)
	}
	return nil
}

func shardProblem(key bson.D) string {
	if len(key) == 0 || len(key) == 1 && key[0].Key == keyPath {
		return ""
	}
	var fields []string
	for _, e := range key {
		fields = append(fields, e.Key)
	}
	return "the collection is sharded by " + strings.Join(fields, ", ") + ", so that _id is not unique"
}

// checkVersions counts the documents without a version. They read as version 0, and a program that writes them
// without moving the version is not noticed until the first write of this library.
func (a *audit) checkVersions(ctx context.Context) error {
	n, err := a.native.CountDocuments(ctx, bson.D{{Key: a.version.path, Value: nil}})
	if err != nil || n == 0 {
		return err
	}
	problem := fmt.Sprintf("%d documents have no version, which counts as version 0: what programs that know no "+
		"versions write to them is not noticed", n)
	a.differ(driver.SeverityWeaker, a.version.path, problem, statement(bson.D{
		{Key: "update", Value: a.spec.Table},
		{Key: "updates", Value: bson.A{bson.D{
			{Key: "q", Value: bson.D{{Key: a.version.path, Value: nil}}},
			{Key: "u", Value: bson.D{{Key: "$set", Value: bson.D{{Key: a.version.path, Value: int64(0)}}}}},
			{Key: "multi", Value: true},
		}}},
	}))
	return nil
}

// sampled is the number of documents whose types are looked at.
const sampled = 1000

// checkTypes looks at the types of what some documents hold, the first ones in the server's own order: all of a
// large collection would take too long. A field of another type is an error when it is read.
func (a *audit) checkTypes(ctx context.Context) error {
	codecs := append(slices.Clone(a.parts), a.version)
	if a.key != nil {
		codecs = append(codecs, a.key)
	}
	codecs = append(codecs, a.fields...)
	group := bson.D{{Key: "_id", Value: nil}}
	for i, c := range codecs {
		of := bson.D{{Key: "$type", Value: "$" + c.path}}
		group = append(group, bson.E{Key: "t" + strconv.Itoa(i), Value: bson.D{{Key: "$addToSet", Value: of}}})
		if c.field.Kind != driver.UUID || c.isCoded {
			continue
		}
		// Binary values are ordered by length, then by subtype.
		least := bson.Binary{Subtype: uuidSubtype, Data: make([]byte, 16)}
		isOld := bson.D{{Key: "$and", Value: bson.A{
			bson.D{{Key: "$eq", Value: bson.A{of, "binData"}}},
			bson.D{{Key: "$lt", Value: bson.A{"$" + c.path, least}}},
		}}}
		group = append(group, bson.E{Key: "u" + strconv.Itoa(i), Value: bson.D{{Key: "$max", Value: isOld}}})
	}
	cursor, err := a.native.Aggregate(ctx, bson.A{
		bson.D{{Key: "$limit", Value: sampled}}, bson.D{{Key: "$group", Value: group}},
	})
	if err != nil {
		return err
	}
	var results []bson.Raw
	if err := cursor.All(ctx, &results); err != nil || len(results) == 0 {
		return err
	}
	for i, c := range codecs {
		var have []string
		if err := results[0].Lookup("t" + strconv.Itoa(i)).Unmarshal(&have); err != nil {
			return err
		}
		a.compareTypes(c, have)
		if old, ok := results[0].Lookup("u" + strconv.Itoa(i)).BooleanOK(); ok && old {
			a.differ(driver.SeverityMust, c.path, "some documents hold binary data of another subtype than 4, or "+
				"another length, which a query for a UUID does not find")
		}
	}
	return nil
}

// compareTypes compares for checkTypes what one field holds with what the mapping stores, and gives the statement
// that converts it, where there is one.
func (a *audit) compareTypes(c *codec, have []string) {
	want := typesOf(c.field)
	if want == nil || c.isCoded {
		return
	}
	slices.Sort(have)
	for _, t := range have {
		if t == "missing" || t == "null" || t == "undefined" || slices.Contains(want, t) {
			continue
		}
		var fix []string
		if c.path != keyPath && !strings.HasPrefix(c.path, keyPath+".") && isConvertible(t, want[0]) {
			fix = append(fix, a.conversion(c.path, t, want[0]))
		}
		severity, cost := driver.SeverityMust, ""
		if c.field.Kind == driver.Decimal && t == "double" {
			severity, cost = driver.SeverityWeaker, ": it is read and found as before, and an order over it is refused"
		}
		problem := fmt.Sprintf("some documents hold the type %s, and the mapping stores %s%s", t, want[0], cost)
		if len(fix) > 0 {
			problem += "; other programs meet that type after the fix"
		}
		a.differ(severity, c.path, problem, fix...)
	}
}

// isConvertible reports whether $convert knows the way between two types.
func isConvertible(from, to string) bool {
	if to == "binData" || from == "binData" || from == "array" || from == "object" {
		return false
	}
	switch from {
	case "string":
		return to != "bool" // every string is true
	case "bool", "int", "long", "double", "decimal":
		return to == "long" || to == "double" || to == "decimal" || to == "string"
	case "objectId", "date":
		return to == "string" || to == "date"
	}
	return false
}

// conversion is the statement that turns what is stored into the type that the mapping stores, and
// moves the version. It fails, and changes no more, at a value for which there is no way.
func (a *audit) conversion(path, from, to string) string {
	converted := bson.D{{Key: "$convert", Value: bson.D{{Key: "input", Value: "$" + path}, {Key: "to", Value: to}}}}
	version := bson.D{{Key: "$ifNull", Value: bson.A{"$" + a.version.path, int32(0)}}}
	return statement(bson.D{
		{Key: "update", Value: a.spec.Table},
		{Key: "updates", Value: bson.A{bson.D{
			{Key: "q", Value: bson.D{{Key: path, Value: bson.D{{Key: "$type", Value: from}}}}},
			{Key: "u", Value: bson.A{bson.D{{Key: "$set", Value: bson.D{
				{Key: path, Value: converted},
				{Key: a.version.path, Value: bson.D{{Key: "$add", Value: bson.A{version, int32(1)}}}},
			}}}}},
			{Key: "multi", Value: true},
		}}},
	})
}

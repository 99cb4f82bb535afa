package mongo

import (
	"bytes"
	"reflect"
	"strconv"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/stillframe/stillframe/store/driver"
)

// This file writes nested structs by their paths, so that what a document holds inside them beside what
// the mapping knows stays as it is: another program's field, or one of a newer version of this one.

// deepestPath bounds the structs that are written by their paths. What holds more levels is one value:
// the server takes an update of 200 levels at most, and one by paths needs several for each.
const deepestPath = 40

// patch is the change of one field of a document.
type patch struct {
	name  string
	kind  bson.Type // of value, which is stored
	value []byte
	unset bool // the field is taken away
	// inner, where it is not nil, are the changes inside the field, a nested struct.
	inner []patch
	// isDocument says that the field is known to be stored as a document. To a path below null or
	// anything else the server takes no $set.
	isDocument bool
}

// patchOf is the change that writes a value of the field's type, a nested struct among them by its
// paths. base is the value as it was read, the zero Value where that is not known. The change of a
// struct in which nothing differs from base is empty: its inner is not nil and has no element.
func (c *codec) patchOf(v, base reflect.Value) (patch, error) {
	p := patch{name: c.path}
	if c.isOmitted(v) {
		p.unset = true
		return p, nil
	}
	kind, value, err := c.appendValue(nil, v)
	if err != nil {
		return p, err
	}
	p.kind, p.value = kind, value
	if c.layout == nil || c.layout.rest != nil || kind != bson.TypeEmbeddedDocument || depthOf(value) > deepestPath {
		return p, nil
	}
	var read []byte
	if base.IsValid() {
		kind, value, err := c.appendValue(nil, base)
		if err == nil && kind != bson.TypeEmbeddedDocument {
			return p, nil // it is stored as null, or not at all
		}
		if err == nil { // else nothing is known of it
			read = value
		}
	}
	p.inner, err = c.patches(c.layout, p.value, read)
	p.isDocument = read != nil && (c.field.Wrap != driver.Plain || !bytes.Equal(read, c.zeroOf(c.layout)))
	return p, err
}

// patches are the changes that make a stored struct what doc holds. read is the same of the struct as it
// was read, nil where that is not known.
func (c *codec) patches(l *layout, doc, read []byte) ([]patch, error) {
	all := []patch{}
	for _, m := range l.members {
		e, err := find(doc, m.name)
		if err != nil {
			return nil, err
		}
		var old element
		if read != nil {
			if old, err = find(read, m.name); err != nil {
				return nil, err
			}
			if e.kind == old.kind && bytes.Equal(e.value, old.value) {
				continue
			}
		}
		p := patch{name: m.name, kind: e.kind, value: e.value, unset: e.kind == 0}
		inner := c.layouts[baseOf(m.typ)]
		isBranch := inner != nil && inner.rest == nil && e.kind == bson.TypeEmbeddedDocument
		if isBranch && (read == nil || old.kind == bson.TypeEmbeddedDocument) {
			var within []byte
			if read != nil {
				within = old.value
			}
			if p.inner, err = c.patches(inner, e.value, within); err != nil {
				return nil, err
			}
			isPlain := baseOf(m.typ) == m.typ
			p.isDocument = read != nil && (!isPlain || !bytes.Equal(within, c.zeroOf(inner)))
		}
		all = append(all, p)
	}
	return all, nil
}

// zeroOf is what the zero value of a struct is stored as. A struct that was read as something else is
// stored as a document: what is null or missing reads as zero too.
func (c *codec) zeroOf(l *layout) []byte {
	raw, err := encodeValue(c.registry, c.minSize, reflect.New(l.typ).Elem())
	if err != nil {
		return nil
	}
	return raw.Value
}

// depthOf is the number of documents and arrays that lie in one another in a document.
func depthOf(doc []byte) int {
	deepest := 0
	rest, err := elementsOf(doc)
	for err == nil && len(rest) > 0 {
		var e element
		if e, rest, err = nextElement(rest); err != nil {
			break
		}
		if e.kind == bson.TypeEmbeddedDocument || e.kind == bson.TypeArray {
			deepest = max(deepest, depthOf(e.value))
		}
	}
	return deepest + 1
}

// isPlain reports whether $set and $unset can write a change: all structs on its paths are known to be
// stored as documents.
func isPlain(patches []patch) bool {
	for _, p := range patches {
		if p.inner != nil && (!p.isDocument || !isPlain(p.inner)) {
			return false
		}
	}
	return true
}

// appendSets appends the elements of $set.
func appendSets(b []byte, prefix string, patches []patch) []byte {
	for _, p := range patches {
		switch {
		case p.inner != nil:
			b = appendSets(b, prefix+p.name+".", p.inner)
		case !p.unset:
			b = append(appendHeader(b, p.kind, prefix+p.name), p.value...)
		}
	}
	return b
}

// unsets are the paths that are taken away.
func unsets(paths []string, prefix string, patches []patch) []string {
	for _, p := range patches {
		switch {
		case p.inner != nil:
			paths = unsets(paths, prefix+p.name+".", p.inner)
		case p.unset:
			paths = append(paths, prefix+p.name)
		}
	}
	return paths
}

// updateOf is a change as an update document.
func updateOf(patches []patch) bson.Raw {
	at, b := beginDocument(make([]byte, 0, 256))
	set, b := beginDocument(appendHeader(b, bson.TypeEmbeddedDocument, "$set"))
	b = endDocument(appendSets(b, "", patches), set)
	if omitted := unsets(nil, "", patches); len(omitted) > 0 {
		unset, inner := beginDocument(appendHeader(b, bson.TypeEmbeddedDocument, "$unset"))
		for _, path := range omitted {
			inner = appendString(appendHeader(inner, bson.TypeString, path), "")
		}
		b = endDocument(inner, unset)
	}
	return endDocument(b, at)
}

// pipeline is a change as an update of two stages, for structs of which it is not known whether they are
// stored as documents. Each becomes what is stored, or an empty document where that is null or anything
// else, with the fields put over it. Every value stands behind $literal: the string "$balance" would be
// an expression.
func pipeline(patches []patch) []bson.Raw {
	at, b := beginDocument(make([]byte, 0, 512))
	set, b := beginDocument(appendHeader(b, bson.TypeEmbeddedDocument, "$set"))
	b = endDocument(appendExpressions(b, "", patches), set)
	stages := []bson.Raw{endDocument(b, at)}
	if omitted := unsets(nil, "", patches); len(omitted) > 0 {
		at, b := beginDocument(nil)
		list, b := beginDocument(appendHeader(b, bson.TypeArray, "$unset"))
		for i, path := range omitted {
			b = appendString(appendHeader(b, bson.TypeString, strconv.Itoa(i)), path)
		}
		stages = append(stages, endDocument(endDocument(b, list), at))
	}
	return stages
}

// appendExpressions appends the fields that are written, each with its expression.
func appendExpressions(b []byte, prefix string, patches []patch) []byte {
	for _, p := range patches {
		if p.unset {
			continue
		}
		at, inner := beginDocument(appendHeader(b, bson.TypeEmbeddedDocument, p.name))
		if p.inner == nil {
			inner = append(appendHeader(inner, p.kind, "$literal"), p.value...)
		} else {
			inner = appendMerge(inner, prefix+p.name, p.inner)
		}
		b = endDocument(inner, at)
	}
	return b
}

// appendMerge appends {$mergeObjects: [{$cond: [{$eq: [{$type: "$path"}, "object"]}, "$path", {}]}, …]}.
func appendMerge(b []byte, path string, patches []patch) []byte {
	merge, b := beginDocument(appendHeader(b, bson.TypeArray, "$mergeObjects"))
	first, b := beginDocument(appendHeader(b, bson.TypeEmbeddedDocument, "0"))
	cond, b := beginDocument(appendHeader(b, bson.TypeArray, "$cond"))
	test, b := beginDocument(appendHeader(b, bson.TypeEmbeddedDocument, "0"))
	eq, b := beginDocument(appendHeader(b, bson.TypeArray, "$eq"))
	of, b := beginDocument(appendHeader(b, bson.TypeEmbeddedDocument, "0"))
	b = endDocument(appendString(appendHeader(b, bson.TypeString, "$type"), "$"+path), of)
	b = endDocument(appendString(appendHeader(b, bson.TypeString, "1"), "object"), eq)
	b = appendString(appendHeader(endDocument(b, test), bson.TypeString, "1"), "$"+path)
	empty, b := beginDocument(appendHeader(b, bson.TypeEmbeddedDocument, "2"))
	b = endDocument(endDocument(endDocument(b, empty), cond), first)
	second, b := beginDocument(appendHeader(b, bson.TypeEmbeddedDocument, "1"))
	b = endDocument(appendExpressions(b, path+".", patches), second)
	return endDocument(b, merge)
}

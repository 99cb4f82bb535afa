package memstore

import (
	"iter"
	"slices"
)

// tree is a map from strings, in their order, that never changes: put and delete return another
// tree, which shares with the first all nodes that they have in common. So a tree that somebody holds
// is a snapshot that costs nothing to whoever writes, and the difference of two trees is found without
// a look at what they share. It is a B+ tree. The zero tree is empty, and the zero V is never stored.
type tree[V comparable] struct {
	root *node[V] // nil when it is empty
	size int
}

// mostInNode is the most items of a leaf and the most branches of an inner node.
const mostInNode = 32

// node is a leaf, at height 0, or an inner node. Nobody changes a node but the edit that made it.
type node[V comparable] struct {
	edit     *edit
	height   int
	items    []item[V]   // of a leaf
	branches []branch[V] // of an inner node
}

type item[V comparable] struct {
	key   string
	value V
}

// branch is one node below an inner node.
type branch[V comparable] struct {
	lowest string // no key of the node is below it
	node   *node[V]
}

// edit marks the nodes that were made by one series of changes, which may change them in place until
// its last tree is given to others.
type edit struct{ _ byte }

// get returns the value of a key, and the zero V where there is none.
func get[V comparable, K string | []byte](t tree[V], key K) (value V) {
	n := t.root
	if n == nil {
		return value
	}
	for n.height > 0 {
		low, high := 1, len(n.branches)
		for low < high {
			if middle := int(uint(low+high) >> 1); n.branches[middle].lowest <= string(key) {
				low = middle + 1
			} else {
				high = middle
			}
		}
		n = n.branches[low-1].node
	}
	low, high := 0, len(n.items)
	for low < high {
		if middle := int(uint(low+high) >> 1); n.items[middle].key < string(key) {
			low = middle + 1
		} else {
			high = middle
		}
	}
	if low < len(n.items) && n.items[low].key == string(key) {
		return n.items[low].value
	}
	return value
}

// find returns the position of the first item whose key is not below key.
func (n *node[V]) find(key string) int {
	low, high := 0, len(n.items)
	for low < high {
		if middle := int(uint(low+high) >> 1); n.items[middle].key < key {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return low
}

// findBranch returns the position of the branch under which a key is, if it is there.
func (n *node[V]) findBranch(key string) int {
	low, high := 1, len(n.branches)
	for low < high {
		if middle := int(uint(low+high) >> 1); n.branches[middle].lowest <= key {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return low - 1
}

// own returns a node with the content of n that e may change: n itself where e made it.
func (n *node[V]) own(e *edit) *node[V] {
	if n.edit == e {
		return n
	}
	return n.slice(e, 0, max(len(n.items), len(n.branches)))
}

// slice returns a new node with a part of the content of n.
func (n *node[V]) slice(e *edit, from, to int) *node[V] {
	part := &node[V]{edit: e, height: n.height}
	if n.height == 0 {
		part.items = append(make([]item[V], 0, to-from+1), n.items[from:to]...)
	} else {
		part.branches = append(make([]branch[V], 0, to-from+1), n.branches[from:to]...)
	}
	return part
}

func (n *node[V]) len() int {
	if n.height == 0 {
		return len(n.items)
	}
	return len(n.branches)
}

// put returns the tree in which a key has a value.
func (t tree[V]) put(e *edit, key string, value V) tree[V] {
	if t.root == nil {
		t.root = &node[V]{edit: e}
	}
	root, right, isNew := t.root.put(e, key, value)
	if right != nil {
		root = &node[V]{edit: e, height: root.height + 1, branches: []branch[V]{
			{lowest: root.lowest(), node: root}, {lowest: right.lowest(), node: right},
		}}
	}
	t.root = root
	if isNew {
		t.size++
	}
	return t
}

// set is put, or delete where the value is the zero V.
func (t tree[V]) set(e *edit, key string, value V) tree[V] {
	var none V
	if value == none {
		return t.delete(e, key)
	}
	return t.put(e, key, value)
}

// lowest returns a bound of the keys under n, which has some.
func (n *node[V]) lowest() string {
	if n.height == 0 {
		return n.items[0].key
	}
	return n.branches[0].lowest
}

// put returns the node that stands in the place of n, and where it had no room a second one, with what
// is higher.
func (n *node[V]) put(e *edit, key string, value V) (left, right *node[V], isNew bool) {
	n = n.own(e)
	var at int
	if n.height == 0 {
		at = n.find(key)
		if at < len(n.items) && n.items[at].key == key {
			n.items[at].value = value
			return n, nil, false
		}
		n.items = slices.Insert(n.items, at, item[V]{key, value})
		isNew = true
	} else {
		at = n.findBranch(key)
		b := &n.branches[at]
		if key < b.lowest {
			b.lowest = key
		}
		var second *node[V]
		b.node, second, isNew = b.node.put(e, key, value)
		if second == nil {
			return n, nil, isNew
		}
		at++
		n.branches = slices.Insert(n.branches, at, branch[V]{second.lowest(), second})
	}
	size := n.len()
	if size <= mostInNode {
		return n, nil, isNew
	}
	half := size / 2
	if at == size-1 {
		half = at // keys that come in their order leave full nodes behind them
	}
	right = n.slice(e, half, size)
	n.cut(half)
	return n, right, isNew
}

// cut takes away what stands at or behind a position.
func (n *node[V]) cut(at int) {
	if n.height == 0 {
		n.items = slices.Delete(n.items, at, len(n.items))
	} else {
		n.branches = slices.Delete(n.branches, at, len(n.branches))
	}
}

// delete returns the tree in which a key has no value.
func (t tree[V]) delete(e *edit, key string) tree[V] {
	var none V
	if get(t, key) == none {
		return t
	}
	t.size--
	root := t.root.delete(e, key)
	for root.height > 0 && len(root.branches) == 1 {
		root = root.branches[0].node
	}
	if root.len() == 0 {
		root = nil
	}
	t.root = root
	return t
}

// delete returns the node that stands in the place of n, which holds the key. It may be empty.
func (n *node[V]) delete(e *edit, key string) *node[V] {
	n = n.own(e)
	if n.height == 0 {
		at := n.find(key)
		n.items = slices.Delete(n.items, at, at+1)
		return n
	}
	at := n.findBranch(key)
	below := n.branches[at].node.delete(e, key)
	n.branches[at].node = below
	switch {
	case below.len() == 0:
		n.branches = slices.Delete(n.branches, at, at+1)
	case below.len() < mostInNode/4:
		// Of two neighbours one is well filled, or they become one. More order than that a B+ tree
		// does not need for its height to stay the logarithm of its size.
		if at+1 < len(n.branches) && n.merge(e, at) || at > 0 && n.merge(e, at-1) {
			return n
		}
	}
	return n
}

// merge makes one node of two neighbours, where they fit.
func (n *node[V]) merge(e *edit, at int) bool {
	left, right := n.branches[at].node, n.branches[at+1].node
	if left.len()+right.len() > mostInNode {
		return false
	}
	left = left.own(e)
	left.items = append(left.items, right.items...)
	left.branches = append(left.branches, right.branches...)
	n.branches[at].node = left
	n.branches = slices.Delete(n.branches, at+1, at+2)
	return true
}

// between goes over the keys from low on and below high, in their order or against it. An empty high
// is no bound.
func (t tree[V]) between(low, high string, backwards bool) iter.Seq2[string, V] {
	return func(yield func(string, V) bool) {
		switch {
		case t.root == nil:
		case backwards:
			t.root.descend(low, high, yield)
		default:
			t.root.ascend(low, high, yield)
		}
	}
}

// ascend reports false when nothing more is wanted.
func (n *node[V]) ascend(low, high string, yield func(string, V) bool) bool {
	if n.height == 0 {
		for _, i := range n.items[n.find(low):] {
			if high != "" && i.key >= high || !yield(i.key, i.value) {
				return false
			}
		}
		return true
	}
	for _, b := range n.branches[n.findBranch(low):] {
		if high != "" && b.lowest >= high || !b.node.ascend(low, high, yield) {
			return false
		}
	}
	return true
}

// descend reports false when nothing more is wanted.
func (n *node[V]) descend(low, high string, yield func(string, V) bool) bool {
	if n.height == 0 {
		items := n.items
		if high != "" {
			items = items[:n.find(high)]
		}
		for _, i := range slices.Backward(items) {
			if i.key < low || !yield(i.key, i.value) {
				return false
			}
		}
		return true
	}
	branches := n.branches
	if high != "" {
		branches = branches[:n.findBranch(high)+1]
	}
	for _, b := range slices.Backward(branches) {
		if !b.node.descend(low, high, yield) {
			return false
		}
	}
	return true
}

package memstore

// difference calls changed with each key whose value is not the same in two trees, in the order of the
// keys; old or current is the zero V where the key is in one tree alone. It passes over the nodes that
// the trees share, so that it costs about as much as making the changes did: it returns the number of its
// steps, each of which goes past an item or into a node.
func difference[V comparable](from, to tree[V], changed func(key string, old, current V)) (steps int) {
	var none V
	a, b := walkOf(from), walkOf(to)
	for ; ; steps++ {
		switch {
		case a.ended() && b.ended():
			return steps
		case a.ended() || !b.ended() && b.at() < a.at(): // only b can hold what comes next
			if i, ok := b.item(); ok {
				changed(i.key, none, i.value)
			}
		case b.ended() || a.at() < b.at():
			if i, ok := a.item(); ok {
				changed(i.key, i.value, none)
			}
		case a.node() == b.node() && a.node() != nil:
			a.skip()
			b.skip()
		case a.height() > b.height():
			a.enter()
		case a.height() < b.height():
			b.enter()
		case a.node() != nil:
			a.enter()
			b.enter()
		default:
			i, _ := a.item()
			j, _ := b.item()
			if i.value != j.value {
				changed(i.key, i.value, j.value)
			}
		}
	}
}

// walk is a place in a tree: a node that is not entered yet, or an item. All keys before it are done,
// and none below at comes behind it.
type walk[V comparable] struct {
	top   *node[V]  // the root, until it is entered
	steps []step[V] // the nodes that are entered
}

// step is a node and the position in it of what comes next.
type step[V comparable] struct {
	node *node[V]
	next int
}

func walkOf[V comparable](t tree[V]) *walk[V] { return &walk[V]{top: t.root} }

func (w *walk[V]) ended() bool { return w.top == nil && len(w.steps) == 0 }

func (w *walk[V]) last() *step[V] { return &w.steps[len(w.steps)-1] }

// node returns the node at the place, nil where it is an item.
func (w *walk[V]) node() *node[V] {
	if w.top != nil {
		return w.top
	}
	if s := w.last(); s.node.height > 0 {
		return s.node.branches[s.next].node
	}
	return nil
}

// height is that of the node at the place, -1 for an item.
func (w *walk[V]) height() int {
	if n := w.node(); n != nil {
		return n.height
	}
	return -1
}

// at returns a bound of the keys at the place and behind it.
func (w *walk[V]) at() string {
	if w.top != nil {
		return w.top.lowest()
	}
	s := w.last()
	if s.node.height > 0 {
		return s.node.branches[s.next].lowest
	}
	return s.node.items[s.next].key
}

// item goes past the item at the place and returns it. A node is entered instead.
func (w *walk[V]) item() (i item[V], ok bool) {
	if w.node() != nil {
		w.enter()
		return i, false
	}
	s := w.last()
	i = s.node.items[s.next]
	w.skip()
	return i, true
}

// enter goes to the first place in the node at the place.
func (w *walk[V]) enter() {
	n := w.node()
	if w.top != nil {
		w.top = nil
	} else {
		w.last().next++ // the place behind n, for when n is left
	}
	w.steps = append(w.steps, step[V]{node: n})
	w.leave()
}

// skip goes past what is at the place.
func (w *walk[V]) skip() {
	if w.top != nil {
		w.top = nil
		return
	}
	w.last().next++
	w.leave()
}

// leave goes out of the nodes that have nothing more.
func (w *walk[V]) leave() {
	for len(w.steps) > 0 && w.last().next == w.last().node.len() {
		w.steps = w.steps[:len(w.steps)-1]
	}
}

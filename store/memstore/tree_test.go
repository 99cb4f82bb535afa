package memstore

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// check reports what a tree must never be, and how many nodes it has.
func check[V comparable](t *testing.T, of tree[V]) (nodes int) {
	t.Helper()
	size := 0
	var visit func(n *node[V], low, high string)
	visit = func(n *node[V], low, high string) {
		nodes++
		require.NotZero(t, n.len())
		require.LessOrEqual(t, n.len(), mostInNode)
		for i, item := range n.items {
			size++
			require.True(t, item.key >= low && (high == "" || item.key < high), "%q is not in its node", item.key)
			require.True(t, i == 0 || n.items[i-1].key < item.key)
		}
		for i, b := range n.branches {
			require.Equal(t, n.height-1, b.node.height)
			next := high
			if i+1 < len(n.branches) {
				next = n.branches[i+1].lowest
			}
			require.GreaterOrEqual(t, b.lowest, low)
			visit(b.node, b.lowest, next)
		}
	}
	if of.root != nil {
		visit(of.root, "", "")
	}
	require.Equal(t, size, of.size)
	return nodes
}

func keysOf[V comparable](of tree[V], low, high string, backwards bool) []string {
	var keys []string
	for key := range of.between(low, high, backwards) {
		keys = append(keys, key)
	}
	return keys
}

// A tree is compared with a map after each of many changes; all that were there before stay as they were.
func TestTree(t *testing.T) {
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 3))
		keyspace := []int{10, 300, 5000}[seed%3]
		model := map[string]int{}
		var now tree[int]
		type moment struct {
			tree  tree[int]
			model map[string]int
		}
		var moments []moment
		key := func() string { return fmt.Sprintf("%05d", random.IntN(keyspace)) }
		for round := range 30 {
			e := new(edit)
			deletes := random.IntN(4) // most of the changes, or few
			for range random.IntN(400) {
				k := key()
				if random.IntN(4) < deletes {
					now = now.delete(e, k)
					delete(model, k)
				} else {
					now = now.put(e, k, round+1)
					model[k] = round + 1
				}
			}
			check(t, now)
			moments = append(moments, moment{now, maps.Clone(model)})
		}
		for i, m := range moments {
			keys := slices.Sorted(maps.Keys(m.model))
			require.Equal(t, keys, keysOf(m.tree, "", "", false), "seed %d", seed)
			for _, k := range keys {
				require.Equal(t, m.model[k], get(m.tree, k))
				require.Equal(t, m.model[k], get(m.tree, []byte(k)))
			}
			low, high := key(), key()
			within := slices.DeleteFunc(slices.Clone(keys), func(k string) bool { return k < low || k >= high })
			require.ElementsMatch(t, within, keysOf(m.tree, low, high, false))
			slices.Reverse(within)
			require.ElementsMatch(t, within, keysOf(m.tree, low, high, true))
			require.True(t, slices.IsSortedFunc(keysOf(m.tree, "", high, true), func(a, b string) int {
				return -compareText(a, b)
			}))

			other := moments[random.IntN(len(moments))]
			want := map[string][2]int{}
			for k := range maps.Keys(m.model) {
				want[k] = [2]int{m.model[k], other.model[k]}
			}
			for k := range maps.Keys(other.model) {
				want[k] = [2]int{m.model[k], other.model[k]}
			}
			maps.DeleteFunc(want, func(_ string, v [2]int) bool { return v[0] == v[1] })
			got, last := map[string][2]int{}, ""
			difference(m.tree, other.tree, func(k string, old, current int) {
				require.Less(t, last, k, "each key comes once, in order")
				got[k], last = [2]int{old, current}, k
			})
			require.Equal(t, want, got, "seed %d, moments %d", seed, i)
		}
	}
}

func compareText(a, b string) int { return slices.Compare([]byte(a), []byte(b)) }

// What two trees share is neither copied when one is made of the other nor looked at when they are
// compared.
func TestTreesShare(t *testing.T) {
	const size = 100_000
	var big tree[int]
	e := new(edit)
	for i := range size {
		big = big.put(e, fmt.Sprintf("%06d", i), i+1)
	}
	nodes := check(t, big)
	assert.Less(t, nodes, size/mostInNode*11/10, "keys that come in their order fill the nodes")
	known := map[*node[int]]bool{}
	var visit func(n *node[int], seen func(*node[int]) bool)
	visit = func(n *node[int], seen func(*node[int]) bool) {
		if seen(n) {
			for _, b := range n.branches {
				visit(b.node, seen)
			}
		}
	}
	visit(big.root, func(n *node[int]) bool { known[n] = true; return true })
	changed := big.put(new(edit), "050000", 7).delete(new(edit), "000001").put(new(edit), "0999995", 8)
	fresh := 0
	visit(changed.root, func(n *node[int]) bool {
		if known[n] {
			return false
		}
		fresh++
		return true
	})
	assert.LessOrEqual(t, fresh, 3*5, "three paths from the root")

	found := 0
	steps := difference(big, changed, func(string, int, int) { found++ })
	assert.Equal(t, 3, found)
	assert.Less(t, steps, 3*5*2*mostInNode, "of %d", size)
}

// Package draw prepares lists for random choices.
package draw

import (
	"maps"
	"slices"
)

// Spread returns each name as often as its weight says, in an order that is always the same, so that a
// seed repeats the choices among them.
func Spread(weights map[string]int) []string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(weights)) {
		for range weights[name] {
			names = append(names, name)
		}
	}
	return names
}

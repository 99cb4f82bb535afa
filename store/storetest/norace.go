//go:build !race

package storetest

// isRace says that the race detector is compiled in.
const isRace = false

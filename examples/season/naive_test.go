package main

import (
	"maps"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// meeting lets two goroutines go on only together.
func meeting() func() {
	var mu sync.Mutex
	var other chan struct{}
	return func() {
		mu.Lock()
		if other == nil {
			wait := make(chan struct{})
			other = wait
			mu.Unlock()
			<-wait
			return
		}
		close(other)
		other = nil
		mu.Unlock()
	}
}

// Both workers read each row before either of them writes it, so that of each row exactly one of
// the two updates is lost.
func TestNaiveLosesUpdates(t *testing.T) {
	t.Parallel()
	l, err := parseLeague([]byte(file(
		fixture(`"A"`, `"B"`, `"2020-01-01"`, `{"ft": [1, 0]}`),
		fixture(`"A"`, `"B"`, `"2020-01-02"`, `{"ft": [1, 0]}`),
	)))
	require.NoError(t, err)
	s, err := openSeason(t.Context(), openFaulty(t, faults{}), l.Season, "naive_")
	require.NoError(t, err)
	require.NoError(t, s.register(t.Context(), l.clubs()))
	require.NoError(t, replay(t.Context(), l.Matches, 2, naive{s, meeting()}.play, func() {}))

	stored, err := s.read(t.Context())
	require.NoError(t, err)
	v := compare(stored, compute(l))
	assert.EqualValues(t, 4, v.lost, "one in each standing and one in each account")
	assert.EqualValues(t, 10, v.updates)
	assert.Equal(t, Tally{Played: 1, Won: 1, For: 1, Points: 3}, stored.standings["A"])
	assert.Equal(t, Tally{Played: 1, Lost: 1, Against: 1}, stored.standings["B"])
}

// One after the other nothing is lost: the work itself is right.
func TestNaiveAlone(t *testing.T) {
	t.Parallel()
	l := premierLeagueSeason(t)
	r, err := replaySeason(t.Context(), &options{workers: 1, naive: true}, l, openFaulty(t, faults{}), func() {})
	require.NoError(t, err)
	assert.True(t, r.ok(), r.verdict.differences)
}

// The naive season has tables of its own and starts again each time.
func TestNaiveLeavesTheSeasonAlone(t *testing.T) {
	t.Parallel()
	l := premierLeagueSeason(t)
	dbs := openFaulty(t, faults{})
	_, err := run64(t, l, dbs)
	require.NoError(t, err)
	before := versions(t, dbs, l.Season)
	for range 2 {
		r, err := replaySeason(t.Context(), &options{workers: 16, naive: true}, l, dbs, func() {})
		require.NoError(t, err)
		assert.NotZero(t, r.verdict.lost)
		assert.False(t, r.ok())
	}
	assert.True(t, maps.Equal(before, versions(t, dbs, l.Season)))
}

package history

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"
)

// TestQueue checks calls that all wait for one another: without what they were told there would be
// more orders than anyone can try.
func TestQueue(t *testing.T) {
	const waiting = 150
	h := History{Ops: []Op{write(0, 1, 2, put(0, 1), put(1, 1))}}
	for i := int64(1); i <= waiting; i++ {
		step := change(0, i, i+1)
		step.Seen = row(i, i)
		h.Ops = append(
			h.Ops, write(int(i), 2+i, 10*waiting+i, step),
			read(int(waiting+i), 3+waiting, 10*waiting, saw(0, row(i, i)), saw(1, row(1, 1))),
		)
	}
	h.Ops = append(h.Ops, unknown(2*waiting+1, 3, change(1, 1, 99)))
	require.True(t, h.Check(time.Minute).Right())
	h.Ops = append(h.Ops, read(2*waiting+2, 20*waiting, 20*waiting+1, saw(0, row(waiting, waiting))))
	require.Len(t, h.Check(time.Minute).Wrong, 1)
}

// TestTightenKeepsEveryVerdict compares verdicts with those of porcupine alone, on random histories of
// which most are damaged.
func TestTightenKeepsEveryVerdict(t *testing.T) {
	seen := map[porcupine.CheckResult]int{}
	for seed := range uint64(3000) {
		h := randomHistory(rand.New(rand.NewPCG(seed, 0)))
		for _, old := range []func(*Op) bool{nil, func(op *Op) bool { return op.Class != Write }} {
			plain := porcupine.CheckOperationsTimeout(h.model(nil), h.operations(old), time.Minute)
			verdict := porcupine.Illegal
			tight := h.operations(old)
			if o, ok := tighten(tight); ok {
				verdict = porcupine.CheckOperationsTimeout(h.model(o), tight, time.Minute)
			}
			require.Equal(t, plain, verdict, "seed %d: %v", seed, h.Ops)
			seen[plain]++
		}
	}
	require.Greater(t, seen[porcupine.Ok], 500)
	require.Greater(t, seen[porcupine.Illegal], 500)
}

// randomHistory makes calls on two rows one after the other, gives each some time around its moment,
// and then forgets or changes some of what it was told.
func randomHistory(r *rand.Rand) *History {
	h := &History{}
	var now state
	id := int64(0)
	for i := range 12 {
		op := Op{Client: i, Call: int64(10*i + 1 - r.IntN(35)), Return: int64(10*i + 2 + r.IntN(35))}
		for _, at := range r.Perm(2)[:1+r.IntN(2)] {
			op.Steps = append(op.Steps, randomStep(r, at, now.rows[at], &id))
		}
		if !slices.ContainsFunc(op.Steps, Step.Writes) {
			op.Class = Read
		}
		op.Unknown = r.IntN(6) == 0 && op.Class == Write
		if !op.Unknown || r.IntN(2) == 0 {
			ok, next := h.apply(now, &op, nil)
			if !ok {
				continue
			}
			now = next
		}
		h.Ops = append(h.Ops, op)
	}
	if r.IntN(3) > 0 {
		damage(r, &h.Ops[r.IntN(len(h.Ops))], id)
	}
	return h
}

// randomStep is a step that a row allows as it is. A write has the next id.
func randomStep(r *rand.Rand, at int, row Row, id *int64) Step {
	s := Step{Row: at, Kind: Saw, Seen: row}
	switch kind := r.IntN(6); {
	case !row.Exists && kind > 0:
		*id++
		s = Step{Row: at, Kind: Put, Next: 1, Value: *id}
	case row.Exists && kind == 1:
		s = Step{Row: at, Kind: RemoveAny}
	case row.Exists && kind == 2:
		s = Step{Row: at, Kind: Change, Expect: row.Version, Next: row.Version + 1, Keep: true}
	case row.Exists && kind > 3:
		*id++
		s = Step{Row: at, Kind: Change, Expect: row.Version, Next: row.Version + 1, Value: *id}
		if kind == 5 {
			s.Seen = row
		}
	}
	return s
}

// damage changes what a call was told, or when it was made.
func damage(r *rand.Rand, op *Op, id int64) {
	s := &op.Steps[r.IntN(len(op.Steps))]
	switch r.IntN(3) {
	case 0:
		s.Seen.Value = 1 + r.Int64N(id+1)
	case 1:
		op.Call += 20
		op.Return += 40
	case 2:
		op.Call -= 40
		op.Return = op.Call + 5
	}
}

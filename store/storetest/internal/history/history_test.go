package history

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func row(version, value int64) Row { return Row{true, version, value} }

func write(client int, call, end int64, steps ...Step) Op {
	return Op{Client: client, Name: "write", Call: call, Return: end, Steps: steps}
}

func read(client int, call, end int64, steps ...Step) Op {
	return Op{Client: client, Name: "read", Call: call, Return: end, Class: Read, Steps: steps}
}

func unknown(client int, call int64, steps ...Step) Op {
	return Op{Client: client, Name: "write", Call: call, Unknown: true, Steps: steps}
}

func put(row int, value int64) Step { return Step{Row: row, Kind: Put, Next: 1, Value: value} }

func change(row int, version, value int64) Step {
	return Step{Row: row, Kind: Change, Expect: version, Next: version + 1, Value: value}
}

func saw(at int, row Row) Step { return Step{Row: at, Kind: Saw, Seen: row} }

func TestCheck(t *testing.T) {
	start := write(0, 1, 2, put(0, 10))
	for _, c := range []struct {
		name string
		ops  []Op
		any  bool
		want bool
	}{
		{"Sequence", []Op{start, write(0, 3, 4, change(0, 1, 11)), read(0, 5, 6, saw(0, row(2, 11)))}, false, true},
		{"StaleRead", []Op{start, write(0, 3, 4, change(0, 1, 11)), read(1, 5, 6, saw(0, row(1, 10)))}, false, false},
		{
			"ReadOfBothSides",
			[]Op{
				start, write(0, 3, 6, change(0, 1, 11)), read(1, 4, 5, saw(0, row(2, 11))),
				read(2, 3, 7, saw(0, row(1, 10))),
			},
			false, true,
		},
		{
			"GoesBack",
			[]Op{
				start, write(0, 3, 9, change(0, 1, 11)), read(1, 4, 5, saw(0, row(2, 11))),
				read(2, 6, 7, saw(0, row(1, 10))),
			},
			false, false,
		},
		{"LostUpdate", []Op{start, write(0, 3, 6, change(0, 1, 11)), write(1, 4, 5, change(0, 1, 12))}, false, false},
		{"DirtyRead", []Op{start, read(1, 4, 5, saw(0, row(2, 99)))}, false, false},
		{
			"SkippedVersion",
			[]Op{start, write(0, 3, 4, Step{Kind: Change, Expect: 1, Next: 3, Value: 11})},
			false,
			false,
		},
		{"AnyVersion", []Op{start, write(0, 3, 4, Step{Kind: Change, Expect: 1, Next: 3, Value: 11})}, true, true},
		{"SameVersion", []Op{start, write(0, 3, 4, Step{Kind: Change, Expect: 1, Next: 1, Value: 11})}, true, false},
		{
			"SawThePastOfItsWrite",
			[]Op{start, write(0, 3, 4, Step{Kind: Change, Seen: row(1, 9), Expect: 1, Next: 2, Value: 11})},
			false,
			false,
		},
		{
			"TouchKeepsTheValue",
			[]Op{
				start, write(0, 3, 4, Step{Kind: Change, Expect: 1, Next: 2, Keep: true}),
				read(0, 5, 6, saw(0, row(2, 10))),
			},
			false, true,
		},
		{"Upserts", []Op{start, write(0, 3, 4, Step{Kind: RemoveAny}), write(0, 5, 6, change(0, 1, 11))}, false, false},
		{
			"TwoLives",
			[]Op{
				start, write(0, 3, 4, Step{Kind: Remove, Expect: 1}), write(0, 5, 6, put(0, 11)),
				write(0, 7, 8, change(0, 1, 12)),
			},
			false, true,
		},
		{"OverwritingInsert", []Op{start, write(1, 5, 6, put(0, 11))}, false, false},
		{"WrongConflict", []Op{start, read(1, 5, 6, Step{Kind: SawOther, Expect: 1})}, false, false},
		{"WrongRefusal", []Op{start, read(1, 5, 6, Step{Kind: Refused, Expect: 1})}, false, false},
		{
			"ConflictBeside",
			[]Op{start, write(0, 3, 6, change(0, 1, 11)), read(1, 4, 5, Step{Kind: SawVersion, Expect: 2})},
			false,
			true,
		},

		{
			"UnknownHappened",
			[]Op{start, unknown(0, 3, change(0, 1, 11)), read(1, 5, 6, saw(0, row(2, 11)))},
			false,
			true,
		},
		{
			"UnknownDidNot",
			[]Op{
				start, unknown(0, 3, change(0, 1, 11)), read(1, 5, 6, saw(0, row(1, 10))),
				write(1, 7, 8, change(0, 1, 12)),
			},
			false, true,
		},
		{
			"UnknownHappensLater",
			[]Op{
				start, unknown(0, 3, change(0, 1, 11)), read(1, 5, 6, saw(0, row(1, 10))),
				read(1, 7, 8, saw(0, row(2, 11))),
			},
			false, true,
		},
		{"UnknownHappenedTwice", []Op{
			start, unknown(0, 3, change(0, 1, 11)), read(1, 5, 6, saw(0, row(2, 11))),
			write(1, 7, 8, Step{Kind: RemoveAny}),
			write(1, 9, 10, put(0, 12)), read(1, 11, 12, saw(0, row(2, 11))),
		}, false, false},
		{
			"UnknownBeforeItsCall",
			[]Op{start, read(1, 3, 4, saw(0, row(2, 11))), unknown(0, 5, change(0, 1, 11))},
			false, false,
		},

		{
			"TwoRows",
			[]Op{
				write(0, 1, 2, put(0, 10), put(1, 10)), write(0, 3, 4, change(0, 1, 11), change(1, 1, 11)),
				read(1, 5, 6, saw(0, row(2, 11)), saw(1, row(2, 11))),
			},
			false, true,
		},
		{
			"TornView",
			[]Op{
				write(0, 1, 2, put(0, 10), put(1, 10)), write(0, 3, 8, change(0, 1, 11), change(1, 1, 11)),
				read(1, 5, 6, saw(0, row(2, 11)), saw(1, row(1, 10))),
			},
			false, false,
		},
		{
			"HalfACommit",
			[]Op{
				write(0, 1, 2, put(0, 10), put(1, 10)), write(0, 3, 4, change(0, 1, 11), change(1, 1, 11)),
				read(1, 5, 6, saw(1, row(1, 10))),
			},
			false, false,
		},
		{"HalfAnUnknownCommit", []Op{
			write(0, 1, 2, put(0, 10), put(1, 10)), unknown(0, 3, change(0, 1, 11), change(1, 1, 11)),
			read(1, 5, 6, saw(0, row(2, 11))),
			read(1, 7, 8, saw(1, row(1, 10))),
		}, false, false},
		{"NoOneOrder", []Op{
			write(0, 1, 2, put(0, 10), put(1, 10)), write(0, 3, 10, change(0, 1, 11)),
			write(1, 3, 10, change(1, 1, 12)),
			read(2, 4, 5, saw(0, row(2, 11)), saw(1, row(1, 10))),
			read(3, 6, 7, saw(0, row(1, 10)), saw(1, row(2, 12))),
		}, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := History{Ops: c.ops, AnyVersion: c.any}
			require.Equal(t, c.want, h.Check(0).Right())
		})
	}
}

func TestCheckOld(t *testing.T) {
	ops := []Op{
		write(0, 1, 2, put(0, 10)), write(0, 3, 4, change(0, 1, 11)), write(0, 5, 6, change(0, 2, 12)),
		read(1, 7, 8, saw(0, row(1, 10))), read(1, 9, 10, saw(0, row(3, 12))), read(1, 11, 12, saw(0, row(2, 11))),
		{Client: 2, Call: 13, Return: 14, Class: Look, Steps: []Step{{Kind: SawVersion, Expect: 1}}},
	}
	h := History{Ops: ops}
	require.False(t, h.Check(0).Right())
	v, reads, looks := h.CheckOld(time.Minute)
	require.True(t, v.Right())
	require.Equal(t, 2, reads)
	require.Equal(t, 1, looks)

	for name, wrong := range map[string]Op{
		"Dirty":  read(1, 15, 16, saw(0, row(2, 99))),
		"Future": read(1, 0, 1, saw(0, row(3, 12))),
		"Write":  write(1, 15, 16, change(0, 1, 13)),
	} {
		h := History{Ops: append([]Op{wrong}, ops...)}
		v, _, _ := h.CheckOld(time.Minute)
		assert.Len(t, v.Wrong, 1, name)
	}
}

func TestCheckUndone(t *testing.T) {
	ops := []Op{
		write(0, 1, 2, put(0, 10)), unknown(0, 3, change(0, 1, 11)), read(1, 5, 6, saw(0, row(2, 11))),
		read(1, 9, 10, saw(0, row(1, 10))), write(1, 11, 12, change(0, 1, 12)),
	}
	h := History{Ops: ops}
	v, undone := h.CheckUndone(time.Minute, []int64{7})
	require.True(t, v.Right())
	require.Equal(t, 1, undone)
	for name, crashes := range map[string][]int64{
		"NoCrash": nil, "BeforeTheRead": {4}, "AfterAnAcknowledgedWrite": {13},
	} {
		v, _ := h.CheckUndone(time.Minute, crashes)
		assert.Len(t, v.Wrong, 1, name)
	}
	for name, wrong := range map[string]Op{
		"Acknowledged": write(2, 3, 4, change(0, 1, 13)),
		"Dirty":        read(2, 5, 6, saw(0, row(2, 99)), saw(1, row(1, 99))),
	} {
		h := History{Ops: append([]Op{wrong}, ops...)}
		if name == "Dirty" {
			h.Ops = append(h.Ops[:2:2], read(2, 5, 6, saw(0, row(3, 99))))
		}
		v, _ := h.CheckUndone(time.Minute, []int64{7})
		assert.False(t, v.Right(), name)
	}
}

func TestComponents(t *testing.T) {
	h := History{
		Ops: []Op{
			write(0, 1, 2, put(0, 1)), write(0, 3, 4, put(1, 1)), write(0, 5, 6, put(2, 1)),
			read(1, 7, 8, saw(2, row(1, 1)), saw(0, row(1, 1))),
		},
	}
	parts := h.components()
	require.Len(t, parts, 2)
	require.Len(t, parts[0].Ops, 3)
	require.Len(t, parts[1].Ops, 1)
}

func TestRecorder(t *testing.T) {
	var r Recorder
	first, second, never := r.Start(0, "first"), r.Start(1, "second"), r.Start(2, "never")
	second.Done(Read, saw(0, Row{}))
	first.Lost(put(0, 1))
	never.Done(Read)
	h := r.History()
	require.Len(t, h.Ops, 2)
	require.Equal(t, []string{"first", "second"}, []string{h.Ops[0].Name, h.Ops[1].Name})
	require.Equal(t, 1, h.Unknown())
	require.True(t, h.Check(0).Right())
}

func TestWrite(t *testing.T) {
	h := History{
		Ops:   []Op{write(0, 1, 2, put(0, 10)), read(1, 4, 5, saw(0, Row{})), unknown(2, 5, change(0, 1, 11))},
		Notes: []Note{{3, "kills"}},
	}
	text, picture, err := h.Write(t.TempDir(), "A/b c", "seed 7")
	require.NoError(t, err)
	data, err := os.ReadFile(text)
	require.NoError(t, err)
	require.Contains(t, string(data), "seed 7")
	require.Contains(t, string(data), "[1, 2] client 0: write: row 0 inserted as v1 #10")
	require.Contains(t, string(data), "----- 3: kills\n[4, 5]")
	require.Contains(t, string(data), "UNKNOWN, perhaps: row 0 from v1 to v2 #11")
	data, err = os.ReadFile(picture)
	require.NoError(t, err)
	require.Contains(t, string(data), "row 0 was absent")
}

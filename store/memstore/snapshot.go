package memstore

import (
	"slices"
	"sort"
)

// snapshots are the open snapshots in which somebody may write, and what must be known because of them:
// that a row was deleted since is a conflict for whoever writes it in an older snapshot, also where
// another row of the key has come and gone meanwhile. A view is not counted: what it sees is its own affair.
type snapshots struct {
	open      []snapshot // in ascending order
	deletions []deletion // in the order of the commits
	deleted   map[rowID]uint64
}

// snapshot counts the writers that see the state after one commit.
type snapshot struct {
	sequence uint64
	writers  int
}

// rowID names a row, whether it is there or not.
type rowID struct {
	table int
	key   string
}

// deletion is a row that a commit deleted. The last of a row is also in deleted.
type deletion struct {
	row      rowID
	sequence uint64 // of the commit
}

// take counts a writer that sees a state from now on.
func (s *snapshots) take(sequence uint64) {
	if n := len(s.open); n > 0 && s.open[n-1].sequence == sequence {
		s.open[n-1].writers++
		return
	}
	s.open = append(s.open, snapshot{sequence, 1})
}

// drop says that a writer writes no more, and forgets the deletions that all others see.
func (s *snapshots) drop(sequence uint64) {
	i := sort.Search(len(s.open), func(i int) bool { return s.open[i].sequence >= sequence })
	s.open[i].writers--
	if s.open[i].writers > 0 {
		return
	}
	s.open = slices.Delete(s.open, i, i+1)
	seen := 0
	for _, d := range s.deletions {
		if len(s.open) > 0 && d.sequence > s.open[0].sequence {
			break
		}
		if s.deleted[d.row] == d.sequence {
			delete(s.deleted, d.row)
		}
		seen++
	}
	s.deletions = slices.Delete(s.deletions, 0, seen)
}

// remember keeps a deletion for as long as somebody may write the row who does not see it.
func (s *snapshots) remember(row rowID, sequence uint64) {
	if len(s.open) == 0 {
		return
	}
	if s.deleted == nil {
		s.deleted = map[rowID]uint64{}
	}
	s.deletions = append(s.deletions, deletion{row, sequence})
	s.deleted[row] = sequence
}

// isDeletedSince reports whether a row was deleted by a commit that a snapshot does not see.
func (s *snapshots) isDeletedSince(row rowID, sequence uint64) bool { return s.deleted[row] > sequence }

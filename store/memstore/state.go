package memstore

import (
	"slices"

	"github.com/stillframe/stillframe/store/driver"
)

// state is all that is committed. It never changes: a commit puts another state in its place, which
// shares with it whatever the commit did not write. Readers take the present one and need no lock; a
// snapshot is a state that somebody holds.
type state struct {
	sequence uint64        // the number of commits
	tables   []*tableState // by their numbers, shorter where tables were named later
}

// tableState is the committed content of one table.
type tableState struct {
	rows    tree[*row]     // by their keys
	unique  []uniqueValues // as table.unique, shorter where nothing was written since an index was made
	changes uint64         // how many rows were ever written
}

// uniqueIndex is a unique index of a table. What is in it is part of the state.
type uniqueIndex struct {
	name    string
	columns []int
	kinds   []driver.Kind // of the columns
}

// entry returns the encoded values of a row in the index. A row that has a NULL among them is not in
// the index: ok is false.
func (u *uniqueIndex) entry(data []any) (key string, ok bool) {
	if data == nil {
		return "", false
	}
	var buffer [keyBuffer]byte
	encoded := buffer[:0]
	for i, position := range u.columns {
		value := at(data, position)
		if value == nil {
			return "", false
		}
		encoded = appendValue(encoded, u.kinds[i], value)
	}
	return string(encoded), true
}

// uniqueValues are the values that a unique index holds.
type uniqueValues struct {
	*uniqueIndex
	holders tree[string] // the key of the row that holds them, by their encoding
}

// row is what one commit left of a row. It never changes, so that a row that was written since is
// another one even where it holds the same.
type row struct {
	key  string
	data []any // the values by column position
}

// at returns the value of one column. A row that was written before the column was made is shorter.
func at(data []any, position int) any {
	if position < len(data) {
		return data[position]
	}
	return nil
}

// values returns the data of a row, nil where there is none.
func (r *row) values() []any {
	if r == nil {
		return nil
	}
	return r.data
}

var noTable tableState

func (s *state) table(number int) *tableState {
	if number < len(s.tables) {
		return s.tables[number]
	}
	return &noTable
}

// holder returns the key of the row that has a value in a unique index, empty where there is none.
func (s *tableState) holder(index int, value string) string {
	if index < len(s.unique) {
		return get(s.unique[index].holders, value)
	}
	return ""
}

// successor returns a copy of s with one commit more, whose tables are still those of s.
func (s *state) successor() *state {
	return &state{sequence: s.sequence + 1, tables: slices.Clone(s.tables)}
}

// edit gives a state that nobody else has seen yet a table of its own to write to.
func (s *state) edit(table int) *tableState {
	for table >= len(s.tables) {
		s.tables = append(s.tables, &noTable)
	}
	own := *s.tables[table]
	s.tables[table] = &own
	return &own
}

// editUnique gives a table that edit returned also its unique indexes, of which there may be new ones.
func (s *tableState) editUnique(indexes []*uniqueIndex) {
	s.unique = slices.Clone(s.unique)
	for _, index := range indexes[len(s.unique):] {
		s.unique = append(s.unique, uniqueValues{uniqueIndex: index})
	}
}

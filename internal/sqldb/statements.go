package sqldb

import (
	"container/list"
	sqldriver "database/sql/driver"
)

// statements keeps the prepared statements of one connection, the most recently used ones. Only
// the holder of the connection uses it.
type statements struct {
	most  int
	texts map[shape]*list.Element
	used  list.List // of *statement, the last used in front
}

// shape is what a statement is known by: its text, and whether it is a transaction of its own.
type shape struct {
	text  string
	alone bool
}

// statement is one prepared statement.
type statement struct {
	shape shape
	stmt  sqldriver.Stmt
}

func newStatements(most int) *statements {
	return &statements{most: most, texts: make(map[shape]*list.Element)}
}

// get returns the statement with the text, nil when it is not kept.
func (s *statements) get(text string, alone bool) sqldriver.Stmt {
	e := s.texts[shape{text, alone}]
	if e == nil {
		return nil
	}
	s.used.MoveToFront(e)
	return e.Value.(*statement).stmt
}

// makeRoom closes the statement that was used longest ago where there is no place for another.
// It costs no round trip: no server answers that.
func (s *statements) makeRoom() {
	for s.used.Len() >= s.most {
		s.drop(s.used.Back())
	}
}

// keep adds a statement, for which makeRoom has made room.
func (s *statements) keep(text string, alone bool, stmt sqldriver.Stmt) {
	known := shape{text, alone}
	s.texts[known] = s.used.PushFront(&statement{known, stmt})
}

// forget closes the statement with the text.
func (s *statements) forget(text string, alone bool) {
	if e := s.texts[shape{text, alone}]; e != nil {
		s.drop(e)
	}
}

// clear closes all statements.
func (s *statements) clear() {
	for s.used.Len() > 0 {
		s.drop(s.used.Back())
	}
}

func (s *statements) drop(e *list.Element) {
	st := s.used.Remove(e).(*statement)
	delete(s.texts, st.shape)
	_ = st.stmt.Close() // a connection that cannot send it is met broken by the next statement
}

package sqldb

import (
	"container/list"
	sqldriver "database/sql/driver"
)

// statements keeps the prepared statements of one connection, the most recently used ones. Only
// the holder of the connection uses it.
type statements struct {
	most  int
	texts map[string]*list.Element
	used  list.List // of *statement, the last used in front
}

// statement is one prepared statement.
type statement struct {
	text string
	stmt sqldriver.Stmt
}

func newStatements(most int) *statements {
	return &statements{most: most, texts: make(map[string]*list.Element)}
}

// get returns the statement with the text, nil when it is not kept.
func (s *statements) get(text string) sqldriver.Stmt {
	e := s.texts[text]
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
func (s *statements) keep(text string, stmt sqldriver.Stmt) {
	s.texts[text] = s.used.PushFront(&statement{text, stmt})
}

// forget closes the statement with the text.
func (s *statements) forget(text string) {
	if e := s.texts[text]; e != nil {
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
	delete(s.texts, st.text)
	_ = st.stmt.Close() // a connection that cannot send it is met broken by the next statement
}

package sqldb

import (
	"container/list"
	sqldriver "database/sql/driver"
)

// statementCache keeps the prepared statements of one connection, the most recently used ones. Only the
// holder of the connection uses it.
type statementCache struct {
	capacity int
	cost     int // of all statements
	elements map[cacheKey]*list.Element
	recent   list.List // of *cachedStatement, the last used in front
}

// cacheKey is what a statement is found by: its text, and whether it is a transaction of its own, since a
// server can need other words around it then (Texts.Alone).
type cacheKey struct {
	text    string
	isAlone bool
}

// cachedStatement is one prepared statement.
type cachedStatement struct {
	key  cacheKey
	stmt sqldriver.Stmt
	cost int
}

// What a kept statement costs the server is about its text and as much again for each parameter. A client chooses the
// shape of a query with its lists and orders, and by number alone the statements of some connections would fill the
// memory of a server.
const (
	mostCost      = 2 << 20 // of the statements of one connection
	mostCostOfOne = mostCost / 4
	paramCost     = 128
)

func costOf(text string, params int) int { return len(text) + paramCost*params }

func newStatementCache(capacity int) *statementCache {
	return &statementCache{capacity: capacity, elements: make(map[cacheKey]*list.Element)}
}

// get returns the statement with the key, nil where there is none.
func (c *statementCache) get(key cacheKey) sqldriver.Stmt {
	e := c.elements[key]
	if e == nil {
		return nil
	}
	c.recent.MoveToFront(e)
	return e.Value.(*cachedStatement).stmt
}

// makeRoom closes the statement that was used longest ago where there is no place for another. It is
// called before a statement is prepared, so that the server never holds more than the capacity. It costs
// no round trip: no server answers that.
func (c *statementCache) makeRoom(cost int) {
	for c.recent.Len() >= c.capacity || c.recent.Len() > 0 && c.cost+cost > mostCost {
		c.drop(c.recent.Back())
	}
}

// add adds a statement, for which makeRoom has made room.
func (c *statementCache) add(key cacheKey, stmt sqldriver.Stmt, cost int) {
	c.cost += cost
	c.elements[key] = c.recent.PushFront(&cachedStatement{key, stmt, cost})
}

// remove closes the statement with the key, where there is one.
func (c *statementCache) remove(key cacheKey) {
	if e := c.elements[key]; e != nil {
		c.drop(e)
	}
}

// clear closes all statements.
func (c *statementCache) clear() {
	for c.recent.Len() > 0 {
		c.drop(c.recent.Back())
	}
}

// drop closes a statement. Its error says that the connection cannot send any more, which the next
// statement on it will find as well.
func (c *statementCache) drop(e *list.Element) {
	s := c.recent.Remove(e).(*cachedStatement)
	c.cost -= s.cost
	delete(c.elements, s.key)
	_ = s.stmt.Close()
}

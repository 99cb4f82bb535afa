package store

import (
	"context"

	"github.com/stillframe/stillframe/store/driver"
)

// Page returns one page of what the query selects: as many entities as its Limit says, else
// RepositoryOptions.PageSize. next is an opaque token for [Query.From] that continues behind the
// last entity, and is empty when nothing follows. Rows that others insert or delete meanwhile
// neither repeat nor hide others.
//
// The token belongs to the query, with all values and arguments of its conditions, its table and its
// database, and is sealed: nobody can read it, and From refuses any other, and one that was changed. It is
// good wherever [Options].CursorKey is the same. It is a third longer than the values that the query sorts by,
// and some 50 characters more, none of which needs quoting in a URL; where it would be longer than 65,536 the
// error is ErrInvalid.
func (r *Repository[T, K]) Page(ctx context.Context, q Query) (items []T, next string, err error) {
	c := r.call("page", nil, false)
	ctx, err = c.start(ctx)
	if err != nil {
		return nil, "", err
	}
	defer c.endUnreturned(ctx)
	items, next, err = page[T](ctx, c, q)
	if err := c.end(ctx, err); err != nil {
		return nil, "", err
	}
	return items, next, nil
}

// page reads one page, and one row more to see whether anything follows.
func page[T any](ctx context.Context, c *call, q Query) (items []T, next string, err error) {
	query, err := c.repo.compile(q)
	if err != nil {
		return nil, "", err
	}
	n := query.limit
	if n == 0 {
		n = c.repo.options.PageSize
	}
	if most := c.db.options.MostRows; most > 0 && n > most {
		return nil, "", invalidf("the page has %d rows, and Options.MostRows is %d: give it a smaller Limit", n, most)
	}
	rows := rowsOf[T]{most: n}
	params := driver.FindParams{
		Filter: query.filter, Order: query.order, After: query.from, Limit: n, Peek: true, Into: rows.next,
	}
	result, err := readRows(ctx, c, &params, rows.each)
	if err != nil {
		return nil, "", err
	}
	items = make([]T, 0, result.Rows)
	for entity := range rows.all {
		items = append(items, *entity)
	}
	if result.More {
		next, err = query.cursorBehind(result.Last)
	}
	return items, next, err
}

package refresh

import (
	"context"
	"errors"
	"iter"

	"github.com/stillframe/stillframe/store"
)

// Watch gives the present copy of the entity with the key, and then each newer version that is seen: never an older
// one after a newer, and never one twice. Versions between two reads are passed over: a body that takes long gets the
// newest next, and keeps nobody else waiting. Every copy is the loop's own.
//
// It ends with an error, which comes with the zero T, once: that of ctx; ErrNotFound when the entity is gone, as a
// read that cannot be taken back has shown; an *store.ConflictError when it was deleted and inserted again, so
// that it has begun another life with a lower version. A server that is away ends no Watch. Each loop over the result
// watches anew. A nil o means defaults.
func Watch[T any, K comparable](ctx context.Context, r Source[T, K], key K, o *Options) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		c, err := begin(ctx, "watch", r, &key, o)
		if err != nil {
			yield(none, err)
			return
		}
		c.join()
		defer c.leave()
		isGiven, given := false, int64(0)
		for {
			entity, err := c.next(ctx)
			switch {
			case errors.Is(err, errGone) && c.options.AwaitInsert && !isGiven:
				continue
			case err == nil && isGiven && c.version < given:
				err = &store.ConflictError{Expected: given, Actual: c.version}
			}
			if err != nil {
				yield(none, c.fail(err))
				return
			}
			isGiven, given = true, c.version
			if !yield(entity, nil) {
				return
			}
		}
	}
}

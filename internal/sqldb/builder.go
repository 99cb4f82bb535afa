package sqldb

import (
	"math/bits"

	"github.com/stillframe/stillframe/store/driver"
)

// builder writes the text of a statement, and its arguments where they come with it.
type builder struct {
	dialect    Dialect
	buffer     []byte
	count      int // the parameters so far
	args       args
	hasNatives bool // an argument of a native condition is among args
}

func (b *builder) add(parts ...string) {
	for _, p := range parts {
		b.buffer = append(b.buffer, p...)
	}
}

func (b *builder) text() string { return string(b.buffer) }

// next is the number of the next parameter.
func (b *builder) next() int { return b.count + 1 }

// param writes the placeholder of a value that is stored in f, and leaves it to the caller to bind one.
func (b *builder) param(f *driver.Field) {
	b.count++
	b.add(b.dialect.Param(b.count, f))
}

// compare writes the placeholder of a value that is compared with a column, and binds it.
func (b *builder) compare(k *column, value any) error {
	param, err := b.compared(k, value)
	b.add(param)
	return err
}

// compared binds a value that is compared with a column, and returns its placeholder, which the caller writes
// where the condition has it.
func (b *builder) compared(k *column, value any) (string, error) {
	b.count++
	bound, err := k.bind(b.dialect, value)
	b.args.add(bound)
	return b.dialect.Compared(b.count, k.field, value), err
}

// padded is the size of the list in which n values are sent: a power of two. So there are few texts, whose
// prepared statements are found in the cache; each length of its own would push out another statement.
func padded(n int) int { return 1 << bits.Len(uint(n-1)) }

// list writes the elements of a list, which is filled up to its padded size with the last one: to IN a value that
// comes twice is the same as one that comes once.
func (b *builder) list(n int, element func(i int) error) error {
	for i := range padded(n) {
		if i > 0 {
			b.add(", ")
		}
		if err := element(min(i, n-1)); err != nil {
			return err
		}
	}
	return nil
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

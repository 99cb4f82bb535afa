package sqldb

import (
	"reflect"
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestDialectHasDecisionsAlone keeps the interface that a new server has to implement small enough to be
// read: what is the same for every call belongs in Facts.
func TestDialectHasDecisionsAlone(t *testing.T) {
	t.Parallel()
	assert.LessOrEqual(t, reflect.TypeFor[Dialect]().NumMethod(), 32)
}

// TestLikePattern takes the meaning from the characters that have one on the server, and from the escape.
func TestLikePattern(t *testing.T) {
	t.Parallel()
	texts := Texts{LikeSpecials: "%_["}
	assert.Equal(t, `50|%|_||é\]|[%`, texts.likePattern(`50%_|é\][`))
	assert.Equal(t, "%", texts.likePattern(""))
}

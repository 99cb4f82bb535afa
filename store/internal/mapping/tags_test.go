package mapping

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// Whatever stands in a tag, it is read or named.
func FuzzTag(f *testing.F) {
	f.Add("key,auto,size=60,unique=x,decimal=19.4")
	f.Fuzz(func(t *testing.T, tag string) {
		parsed, problems := parseTag(tag)
		if len(problems) == 0 {
			again, problems := parseTag(tag)
			assert.Empty(t, problems)
			assert.Equal(t, parsed, again)
		}
	})
}

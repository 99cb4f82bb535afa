package edit

import (
	"bytes"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestBar(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	Bar(&out)(1, 2)
	assert.Empty(t, out.String(), "no terminal")
	file, err := os.CreateTemp(t.TempDir(), "bar")
	assert.NoError(t, err)
	Bar(file)(1, 2)
	info, err := file.Stat()
	assert.NoError(t, err)
	assert.Zero(t, info.Size(), "no terminal either")
	assert.NoError(t, file.Close())

	draw := bar(&out)
	draw(1, 4)
	draw(1, 4)
	draw(2, 0)
	draw(5, 4)
	assert.Equal(t, "\r[##########..............................] 1 of 4 rows"+
		"\r[########################################] 4 of 4 rows\n", out.String())
}

package binary

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"syscall"
)

// Write makes an executable file of what it reads, with the folders above it, so that it can be run as soon as
// Write has returned; a file that is there is overwritten. It starts no program meanwhile, in any goroutine: a
// child gets a copy of every open file, and Unix runs no file that someone has open for writing (ETXTBSY,
// "text file busy"), which could be another's child that has not come to its own program yet.
func Write(path string, from io.Reader) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	out, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, from)
	return errors.Join(err, out.Close())
}

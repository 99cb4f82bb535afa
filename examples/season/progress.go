package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
)

// A progress counts matches and, on a terminal, draws a bar. It is safe for concurrent use.
type progress struct {
	out   io.Writer // nil: nothing is drawn
	total int

	mu    sync.Mutex
	done  int
	drawn int // the percentage that the bar shows
}

const barWidth = 40

// newProgress draws on out only when that is a terminal.
func newProgress(out io.Writer, total int) *progress {
	if !isTerminal(out) {
		out = nil
	}
	return &progress{out: out, total: total, drawn: -1}
}

// step counts one match.
func (p *progress) step() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done++
	percent := p.done * 100 / p.total
	if p.out == nil || percent == p.drawn {
		return
	}
	p.drawn = percent
	full := percent * barWidth / 100
	_, _ = fmt.Fprintf(p.out, "\r[%s%s] %d of %d matches", strings.Repeat("#", full),
		strings.Repeat(".", barWidth-full), p.done, p.total)
}

// end takes the bar off the screen and returns the number of matches that were counted.
func (p *progress) end() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.out != nil && p.drawn >= 0 {
		_, _ = io.WriteString(p.out, "\r\x1b[K")
	}
	return p.done
}

func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

package history

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"
)

// Write writes a part of a history into a folder, as a readable file, and porcupine's picture of how
// far it could be explained beside it. It returns the paths.
func (h *History) Write(folder, name, about string) (text, picture string, err error) {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", "", err
	}
	name = strings.Map(func(r rune) rune {
		if r == '/' || r == '\\' || r == ' ' || r == ':' {
			return '_'
		}
		return r
	}, name)
	text = filepath.Join(folder, name+".txt")
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\nEach line is one call: [start, end], who made it, and what it was told.\n\n", about)
	notes := h.Notes
	for _, op := range h.Ops {
		for len(notes) > 0 && notes[0].At < op.Call {
			fmt.Fprintf(&b, "----- %d: %s\n", notes[0].At, notes[0].Text)
			notes = notes[1:]
		}
		fmt.Fprintln(&b, op)
	}
	if err := os.WriteFile(text, []byte(b.String()), 0o644); err != nil {
		return "", "", err
	}
	model := h.model(nil)
	_, info := porcupine.CheckOperationsVerbose(model, h.operations(nil), time.Minute)
	picture = filepath.Join(folder, name+".html")
	if err := porcupine.VisualizePath(model, info, picture); err != nil {
		return text, "", err
	}
	return text, picture, nil
}

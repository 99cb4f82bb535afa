package edit

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"text/tabwriter"
)

// shown is a value as a plan shows it, at most 40 characters.
func shown(v reflect.Value) string {
	text, err := json.Marshal(v.Interface())
	if err != nil {
		return "?"
	}
	return cut(string(text), 40)
}

// JSON returns the plan for a program that reads it.
func (p *Plan) JSON() ([]byte, error) {
	return json.MarshalIndent(struct {
		Name, Table string
		State       State
		PlannedBy   string
		Summary     Summary
	}{p.Name, p.Table, p.State, p.PlannedBy, p.Summary}, "", "  ")
}

// Print writes the plan as a table for people: what would change in how many rows, by how much, examples, and what was
// refused and why. It uses colours where w is a terminal and NO_COLOR is not set.
func (p *Plan) Print(w io.Writer) error {
	c := colours{isOn: isTerminal(w)}
	s := &p.Summary
	var b strings.Builder
	verb := "change"
	if s.Delete {
		verb = "delete"
	}
	fmt.Fprintf(&b, "%s  %s: would %s %s of %d rows\n", c.bold(printable(p.Name)), printable(p.Table), verb,
		c.bold(fmt.Sprint(s.Planned)), s.Total)
	fmt.Fprintf(&b, "selected %d, unchanged %d, refused %d; %s", s.Matched, s.Unchanged, s.Refused, p.State)
	if p.PlannedBy != "" {
		fmt.Fprintf(&b, ", planned by %s", printable(p.PlannedBy))
	}
	b.WriteString("\n")
	if len(s.Fields) > 0 {
		b.WriteString("\n")
		t := tabwriter.NewWriter(&b, 0, 8, 2, ' ', 0)
		fmt.Fprintln(t, "  field\trows\tleast\tmean\tmost\ttotal\tup\tdown")
		for _, name := range slices.Sorted(maps.Keys(s.Fields)) {
			f := s.Fields[name]
			if !f.IsNumber {
				fmt.Fprintf(t, "  %s\t%d\n", name, f.Rows)
				continue
			}
			fmt.Fprintf(t, "  %s\t%d\t%+g\t%+.4g\t%+g\t%+g\t%d\t%d\n", name, f.Rows, f.Least,
				f.Total/float64(f.Up+f.Down), f.Most, f.Total, f.Up, f.Down)
		}
		_ = t.Flush() // which writes to memory
	}
	for _, e := range s.Examples {
		fmt.Fprintf(&b, "\n  %s\n", c.bold(printable(e.Key)))
		for _, name := range slices.Sorted(maps.Keys(e.Before)) {
			old := c.red("- " + e.Before[name])
			if young, ok := e.After[name]; ok {
				fmt.Fprintf(&b, "    %s: %s  %s\n", name, old, c.green("+ "+young))
			} else {
				fmt.Fprintf(&b, "    %s: %s\n", name, old)
			}
		}
	}
	for _, reason := range slices.Sorted(maps.Keys(s.Reasons)) {
		fmt.Fprintf(&b, "\n  %s %d × %s\n", c.red("refused"), s.Reasons[reason], printable(reason))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// printable quotes a text that would move the cursor of a terminal.
func printable(text string) string {
	if quoted := fmt.Sprintf("%q", text); quoted != `"`+text+`"` {
		return quoted
	}
	return text
}

// isTerminal reports whether colours make sense.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok || os.Getenv("NO_COLOR") != "" {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// colours are those of a terminal, or none.
type colours struct{ isOn bool }

func (c colours) in(code, text string) string {
	if !c.isOn {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (c colours) bold(text string) string  { return c.in("1", text) }
func (c colours) red(text string) string   { return c.in("31", text) }
func (c colours) green(text string) string { return c.in("32", text) }

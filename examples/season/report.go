package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// A result is what one run has to tell.
type result struct {
	season   string
	matches  int
	workers  int
	naive    bool
	elapsed  time.Duration
	stored   books
	computed books
	verdict  verdict

	conflicts, retries int64
}

// ok reports whether the databases hold exactly what was computed.
func (r *result) ok() bool { return r.verdict.lost == 0 && len(r.verdict.differences) == 0 }

// writeJSON writes the result as one JSON object. Its table is the stored one.
func (r *result) writeJSON(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(struct {
		Season    string `json:"season"`
		Matches   int    `json:"matches"`
		Table     []row  `json:"table"`
		Conflicts int64  `json:"conflicts"`
		Retries   int64  `json:"retries"`
		Lost      int64  `json:"lost_updates"`
	}{r.season, r.matches, rank(r.stored.standings), r.conflicts, r.retries, r.verdict.lost})
}

// writeText writes the table for people, and the verdict under it.
func (r *result) writeText(w io.Writer) error {
	_, _ = fmt.Fprintf(w, "%s: %d matches, %d workers, %v\n\n", r.season, r.matches, r.workers,
		r.elapsed.Round(time.Millisecond))

	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintln(t, "\tP\tW\tD\tL\tF\tA\tGD\tPts\t")
	table := rank(r.stored.standings)
	width := 0
	for _, row := range table {
		width = max(width, len([]rune(row.Club)))
	}
	for i, row := range table {
		_, _ = fmt.Fprintf(t, "%2d  %-*s\t%d\t%d\t%d\t%d\t%d\t%d\t%+d\t%d\t\n", i+1, width, row.Club,
			row.Played, row.Won, row.Drawn, row.Lost, row.For, row.Against, row.difference(), row.Points)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\n%s", r.conclusion(table))
	return err
}

// conclusion says in words what the verdict is.
func (r *result) conclusion(table []row) string {
	var b strings.Builder
	if r.ok() {
		fmt.Fprintf(&b, "The table and the accounts (gate money %s) are exactly as computed "+
			"one match after the other.\n", pounds(r.stored.gateMoney()))
	} else {
		r.describeDamage(&b, table)
	}
	if r.naive {
		b.WriteString("Without versions no write was refused. ")
	} else {
		fmt.Fprintf(&b, "Conflicts met: %d. Retries: %d. ", r.conflicts, r.retries)
	}
	fmt.Fprintf(&b, "Lost updates: %d of %d.\n", r.verdict.lost, r.verdict.updates)
	return b.String()
}

// describeDamage says how wrong the table is.
func (r *result) describeDamage(w *strings.Builder, table []row) {
	var wrong []string
	for _, rows := range r.verdict.wrong {
		wrong = append(wrong, fmt.Sprintf("%s %d of %d", rows.what, rows.wrong, rows.rows))
	}
	fmt.Fprintf(w, "Wrong rows: %s.\n", strings.Join(wrong, ", "))

	stored, storedPoints := r.stored.total()
	computed, computedPoints := r.computed.total()
	fmt.Fprintf(w, "The table counts %d points from %d results instead of %d from %d, "+
		"the accounts hold %s instead of %s.\n",
		storedPoints, stored, computedPoints, computed,
		pounds(r.stored.gateMoney()), pounds(r.computed.gateMoney()))
	if truth := rank(r.computed.standings); len(table) > 0 && len(truth) > 0 && table[0] != truth[0] {
		fmt.Fprintf(w, "First here: %s. In truth: %s.\n", table[0].brief(), truth[0].brief())
	}
}

func (r row) brief() string {
	return fmt.Sprintf("%s, %d points from %d matches", r.Club, r.Points, r.Played)
}

// maxDifferences bounds how many differences are printed.
const maxDifferences = 10

// writeDifferences writes each row that is not as computed.
func (r *result) writeDifferences(w io.Writer) {
	for i, line := range r.verdict.differences {
		if i == maxDifferences {
			say(w, "… and %d more", len(r.verdict.differences)-i)
			return
		}
		say(w, "%s", line)
	}
}

// say writes one line to a person. There is nobody to tell when that fails.
func say(w io.Writer, format string, args ...any) {
	_, _ = fmt.Fprintf(w, "season: "+format+"\n", args...)
}

// pounds prints a sum of pence, such as "£177,650,000.00".
func pounds(pence int64) string {
	sign := "£"
	if pence < 0 {
		sign, pence = "-£", -pence
	}
	whole := strconv.FormatInt(pence/100, 10)
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	return fmt.Sprintf("%s%s.%02d", sign, whole, pence%100)
}

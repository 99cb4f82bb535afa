package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// program runs the program and returns what it printed.
func program(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	status = run(t.Context(), args, &out, &errs)
	return status, out.String(), errs.String()
}

func write(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "season.json")
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

// jsonResult is the whole of what -json may print.
type jsonResult struct {
	Season    string `json:"season"`
	Matches   int    `json:"matches"`
	Table     []row  `json:"table"`
	Conflicts *int64 `json:"conflicts"`
	Retries   *int64 `json:"retries"`
	Lost      *int64 `json:"lost_updates"`
}

func parseResult(t *testing.T, stdout string) jsonResult {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(stdout))
	d.DisallowUnknownFields()
	var r jsonResult
	require.NoError(t, d.Decode(&r))
	assert.False(t, d.More(), "one object and nothing else")
	require.NotNil(t, r.Conflicts)
	require.NotNil(t, r.Retries)
	require.NotNil(t, r.Lost)
	return r
}

func TestRunJSON(t *testing.T) {
	t.Parallel()
	status, stdout, stderr := program(t, "-workers", "64", "-json")
	assert.Zero(t, status)
	assert.Empty(t, stderr)
	r := parseResult(t, stdout)
	assert.Equal(t, "English Premier League 2015/16", r.Season)
	assert.Equal(t, 380, r.Matches)
	assert.Equal(t, premierLeagueTable, r.Table)
	assert.Zero(t, *r.Lost)
	assert.Contains(t, stdout, `{"club":"Leicester City","played":38,"won":23,"drawn":12,"lost":3,"for":68,"against":36,"points":81}`)
	assert.Equal(t, 1, strings.Count(stdout, "\n"))
}

func TestRunText(t *testing.T) {
	t.Parallel()
	status, stdout, stderr := program(t)
	assert.Zero(t, status)
	assert.Empty(t, stderr)
	assert.Contains(t, stdout, "English Premier League 2015/16: 380 matches, 16 workers, ")
	assert.Regexp(t, `(?m)^ +1  Leicester City +38  23  12   3  68  36  \+32   81$`, stdout)
	assert.Contains(t, stdout, "The table and the accounts (gate money £177,650,000.00) are exactly as computed "+
		"one match after the other.\n")
	assert.Regexp(t, `Conflicts met: \d+\. Retries: \d+\. Lost updates: 0 of 1900\.\n$`, stdout)
}

func TestRunNaive(t *testing.T) {
	t.Parallel()
	status, stdout, stderr := program(t, "-naive", "-workers", "64")
	assert.Equal(t, exitWrong, status)
	assert.Empty(t, stderr)
	assert.Regexp(t, `Wrong rows: standing \d+ of 20, last match \d+ of 20, account \d+ of 20, report 0 of 380\.`, stdout)
	assert.Contains(t, stdout, "In truth: Leicester City, 81 points from 38 matches.")
	assert.Regexp(t, `Lost updates: [1-9]\d* of 1900\.\n$`, stdout)

	status, stdout, stderr = program(t, "-naive", "-workers", "16", "-json")
	assert.Equal(t, exitWrong, status)
	assert.Empty(t, stderr)
	r := parseResult(t, stdout)
	assert.Positive(t, *r.Lost)
	assert.Len(t, r.Table, 20)
}

func TestRunReportsMatchesWithoutAScore(t *testing.T) {
	t.Parallel()
	path := write(t, file(good, fixture(`"A"`, `"C"`, `"2020-01-02"`, "")))
	status, stdout, stderr := program(t, "-json", "-data", path)
	assert.Zero(t, status)
	assert.Equal(t, "season: match 2 (A - C, 2020-01-02): skipped, it has no score\n", stderr)
	r := parseResult(t, stdout)
	assert.Equal(t, 1, r.Matches)
	assert.Equal(t, []row{{"A", Tally{1, 1, 0, 0, 1, 0, 3}}, {"B", Tally{1, 0, 0, 1, 0, 1, 0}}}, r.Table)

	// A season that has not begun is no error.
	path = write(t, file(fixture(`"A"`, `"C"`, `"2020-01-02"`, "")))
	status, stdout, _ = program(t, "-json", "-data", path)
	assert.Zero(t, status)
	assert.JSONEq(t, `{"season": "Cup 1", "matches": 0, "table": [], "conflicts": 0, "retries": 0, "lost_updates": 0}`, stdout)
	status, stdout, _ = program(t, "-data", path)
	assert.Zero(t, status)
	assert.Contains(t, stdout, "Lost updates: 0 of 0.")
}

func TestRunRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		args    []string
		wantErr string
	}{
		{"UnknownFlag", []string{"-speed", "9"}, "season: flag provided but not defined: -speed (see -help)\n"},
		{
			"Argument",
			[]string{"season.json"},
			"season: there are only flags, and -data FILE names a file (see -help)\n",
		},
		{"NoWorkers", []string{"-workers", "0"}, "season: -workers needs to be at least 1 (see -help)\n"},
		{"NegativeWorkers", []string{"-workers", "-3"}, "season: -workers needs to be at least 1 (see -help)\n"},
		{
			"WorkersIsAText",
			[]string{"-workers", "many"},
			"season: invalid value \"many\" for flag -workers: parse error (see -help)\n",
		},
		{
			"ResumeOfWhatEnds",
			[]string{"-resume", "spring", "-mysql", "x"},
			"season: -resume needs all three databases, since an embedded one ends with the process, and is not for " +
				"-naive (see -help)\n",
		},
		{"NoFile", []string{"-data", "absent.json"}, "season: open absent.json: no such file or directory\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			status, stdout, stderr := program(t, tt.args...)
			assert.Equal(t, exitUsage, status)
			assert.Empty(t, stdout)
			assert.Equal(t, tt.wantErr, stderr)
		})
	}
}

func TestRunRefusesMalformedFiles(t *testing.T) {
	t.Parallel()
	path := write(t, file(good, fixture(`"Everton FC"`, `"Watford FC"`, `"2015-08-08"`, `{"ft": [2, -2]}`)))
	for _, args := range [][]string{{"-data", path}, {"-data", path, "-json"}, {"-data", path, "-naive"}} {
		status, stdout, stderr := program(t, args...)
		assert.Equal(t, exitUsage, status)
		assert.Empty(t, stdout)
		assert.Equal(t, "season: "+path+
			": match 2 (Everton FC - Watford FC, 2015-08-08): score.ft needs two whole numbers from 0 to 999\n", stderr)
	}
}

func TestRunHelp(t *testing.T) {
	t.Parallel()
	status, stdout, stderr := program(t, "-help")
	assert.Zero(t, status)
	assert.Empty(t, stderr)
	for _, text := range []string{
		"-data FILE", "-workers N", "-mysql DSN", "-mongo URI", "-sqlserver DSN",
		"-naive", "-fresh", "-json", "-resume NAME", gateText,
	} {
		assert.Contains(t, stdout, text)
	}
}

func TestRunInterrupted(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var stdout, stderr bytes.Buffer
	assert.Equal(t, exitInterrupted, run(ctx, []string{"-json"}, &stdout, &stderr))
	assert.Empty(t, stdout.String())
	assert.Equal(t, "season: interrupted after 0 of 380 matches\n", stderr.String())
}

// What is stored and wrong is told on standard error, where -json keeps standard output clean.
func TestFinishTellsDifferences(t *testing.T) {
	t.Parallel()
	l := premierLeagueSeason(t)
	stored := compute(l)
	for club := range stored.accounts {
		stored.accounts[club] = takings{38, 1}
	}
	r := &result{season: l.Season, matches: 380, stored: stored, computed: compute(l)}
	r.verdict = compare(r.stored, r.computed)
	var stdout, stderr bytes.Buffer
	assert.Equal(t, exitWrong, finish(r, &options{asJSON: true}, &stdout, &stderr),
		"no update is lost, and yet the money is wrong")
	assert.Zero(t, *parseResult(t, stdout.String()).Lost)
	assert.Equal(t, maxDifferences+2, strings.Count(stderr.String(), "\n"))
	assert.Contains(t, stderr.String(),
		"season: account of AFC Bournemouth: is stored as {matches:38 pence:1}, computed as ")
	assert.Contains(t, stderr.String(), "… and 10 more\n")
	assert.Contains(t, stderr.String(), "-fresh starts it again")
}

func TestFinishTellsWhenItCannotWrite(t *testing.T) {
	t.Parallel()
	l := premierLeagueSeason(t)
	r := &result{stored: compute(l), computed: compute(l)}
	r.verdict = compare(r.stored, r.computed)
	for _, asJSON := range []bool{false, true} {
		var stderr bytes.Buffer
		assert.Equal(t, exitWrong, finish(r, &options{asJSON: asJSON}, closedPipe{}, &stderr))
		assert.Equal(t, "season: writing the result: file already closed\n", stderr.String())
	}
}

type closedPipe struct{}

func (closedPipe) Write([]byte) (int, error) { return 0, os.ErrClosed }

func TestProgress(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	p := newProgress(&out, 4)
	p.step()
	assert.Equal(t, 1, p.end())
	assert.Empty(t, out.String(), "not a terminal")

	p = &progress{out: &out, total: 4, drawn: -1}
	p.step()
	p.step()
	assert.Equal(t, "\r[##########..............................] 1 of 4 matches"+
		"\r[####################....................] 2 of 4 matches", out.String())
	assert.Equal(t, 2, p.end())
	assert.True(t, strings.HasSuffix(out.String(), "\r\x1b[K"))

	file, err := os.Create(filepath.Join(t.TempDir(), "file"))
	require.NoError(t, err)
	assert.False(t, isTerminal(file))
	require.NoError(t, file.Close())
}

func TestPounds(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "£0.05", pounds(5))
	assert.Equal(t, "£999.00", pounds(999_00))
	assert.Equal(t, "£1,000.10", pounds(1000_10))
	assert.Equal(t, "-£177,650,000.00", pounds(-177_650_000_00))
}

// Command conformance runs the conformance suite on every backend that it can reach, and prints which
// guarantee holds where, and what caught each backend that is broken on purpose: make conformance.
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
)

// columns are the backends. A column is what the tests below one path of one package show.
var columns = []column{
	{title: "memstore", pkg: "./store/storetest", test: "TestMemstore/Locking"},
	{title: "memstore, snapshots", pkg: "./store/storetest", test: "TestMemstore/Snapshot"},
	{title: "MariaDB", pkg: "./mysql", test: "TestConformance/MariaDB"},
	{title: "MySQL", pkg: "./mysql", test: "TestConformance/MySQL"},
	{title: "MongoDB, one node", pkg: "./mongo", test: "TestConformance/ReplicaSet"},
	{title: "MongoDB, three nodes", pkg: "./mongo", test: "TestConformanceOnThreeNodes"},
	{title: "SQL Server", pkg: "./sqlserver", test: "TestConformance", recording: "TestWalk"},
}

// brokenTest is the test whose subtests are the broken backends.
var brokenTest = column{pkg: "./store/storetest", test: "TestBroken"}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "conformance:", err)
		os.Exit(1)
	}
}

// run tests the packages, prints the tables to out, and writes them into the file that -write names. A table with
// failures is printed and written too, and then it is an error.
func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("conformance", flag.ContinueOnError)
	short := flags.Bool("short", false, "run the short form of the suite")
	file := flags.String("write", "", "put the tables between the marks in this file, besides printing them")
	if err := flags.Parse(args); err != nil {
		return err
	}
	found := results{}
	for _, pkg := range packages() {
		if err := found.test(ctx, pkg, *short); err != nil {
			return err
		}
	}
	table, failed := found.table(columns)
	broken, missed := found.broken(brokenTest)
	text := table + "\n" + broken
	fmt.Fprint(out, text)
	if *file != "" {
		if err := replace(*file, text); err != nil {
			return err
		}
	}
	if failed+missed > 0 {
		return fmt.Errorf("%d tests failed, %d broken backends were not caught", failed, missed)
	}
	return nil
}

// packages are those of the columns, each once.
func packages() []string {
	var names []string
	for _, c := range append(columns, brokenTest) {
		if !slices.Contains(names, c.pkg) {
			names = append(names, c.pkg)
		}
	}
	return names
}

// test runs the tests of one package. That some fail is a result and no error.
func (r results) test(ctx context.Context, pkg string, short bool) error {
	var tests []string
	for _, c := range append(columns, brokenTest) {
		if c.pkg != pkg {
			continue
		}
		for _, path := range []string{c.test, c.recording} {
			if name, _, _ := strings.Cut(path, "/"); name != "" && !slices.Contains(tests, name) {
				tests = append(tests, name)
			}
		}
	}
	args := []string{
		"test", "-json", "-race", "-shuffle=on", "-count=1", "-timeout=60m",
		"-run=^(" + strings.Join(tests, "|") + ")$",
	}
	if short {
		args = append(args, "-short")
	}
	fmt.Fprintln(os.Stderr, "go", strings.Join(append(args, pkg), " "))
	cmd := exec.CommandContext(ctx, "go", append(args, pkg)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	events, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	n, readErr := r.read(events, pkg)
	err = cmd.Wait()
	switch {
	case readErr != nil:
		return readErr
	case n == 0:
		return fmt.Errorf("%s ran no test: %w\n%s", pkg, err, stderr.String())
	}
	return nil
}

// The marks in a Markdown file between which the tables stand.
const (
	startMark = "<!-- conformance: made by make conformance -->\n"
	endMark   = "<!-- conformance: end -->\n"
)

// replace puts the tables between the marks.
func replace(file, tables string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	before, rest, ok := strings.Cut(string(text), startMark)
	_, after, end := strings.Cut(rest, endMark)
	if !ok || !end {
		return fmt.Errorf("%s has no marks for the tables", file)
	}
	return os.WriteFile(file, []byte(before+startMark+"\n"+tables+"\n"+endMark+after), 0o644)
}

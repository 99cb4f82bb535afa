package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"
)

// The exit statuses.
const (
	exitOK          = 0
	exitWrong       = 1 // updates were lost, a row differs, or a database failed
	exitUsage       = 2 // the flags or the file are wrong
	exitInterrupted = 130
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run is the program: it returns its exit status.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	o, err := parseFlags(args)
	if errors.Is(err, flag.ErrHelp) {
		_, _ = io.WriteString(stdout, o.help)
		return exitOK
	}
	if err != nil {
		say(stderr, "%v (see -help)", err)
		return exitUsage
	}
	l, err := loadLeague(o.data)
	if err != nil {
		say(stderr, "%v", err)
		return exitUsage
	}
	for _, m := range l.Skipped {
		say(stderr, "%s: skipped, it has no score", m)
	}

	count := &counter{}
	dbs, err := openDatabases(ctx, o.addresses, count)
	if err != nil {
		say(stderr, "%v", err)
		return exitWrong
	}
	defer func() {
		if err := dbs.close(); err != nil {
			say(stderr, "%v", err)
		}
	}()

	bar := newProgress(stderr, len(l.Matches))
	r, err := replaySeason(ctx, o, l, dbs, bar.step)
	done := bar.end()
	if err != nil && ctx.Err() != nil {
		say(stderr, "interrupted after %d of %d matches", done, len(l.Matches))
		return exitInterrupted
	}
	if err != nil {
		say(stderr, "%v", err)
		return exitWrong
	}
	if !o.naive {
		r.conflicts, r.retries = count.conflicts.Load(), count.retries.Load()
	}
	return finish(r, o, stdout, stderr)
}

// replaySeason is the whole story: it makes the season's rows, plays every match, and holds what is
// stored then against what was computed.
func replaySeason(ctx context.Context, o *options, l *league, dbs databases, played func()) (*result, error) {
	prefix := "season_"
	if o.naive {
		prefix = "naive_"
	}
	s, err := openSeason(ctx, dbs, l.Season, prefix)
	if err != nil {
		return nil, err
	}
	play := s.play
	if o.naive {
		play = naive{s, runtime.Gosched}.play
	}
	if o.fresh || o.naive {
		if err := s.clear(ctx); err != nil {
			return nil, fmt.Errorf("clearing the season: %w", err)
		}
	}
	if err := s.register(ctx, l.clubs()); err != nil {
		return nil, fmt.Errorf("registering the clubs: %w", err)
	}
	start := time.Now()
	if o.resume != "" {
		err = resume(ctx, o, l, s, play, played)
	} else {
		err = replay(ctx, l.Matches, o.workers, play, played)
	}
	if err != nil {
		return nil, err
	}
	r := &result{
		season: l.Season, matches: len(l.Matches), workers: o.workers, naive: o.naive,
		elapsed: time.Since(start), computed: compute(l),
	}
	if r.stored, err = s.read(ctx); err != nil {
		return nil, fmt.Errorf("reading the season: %w", err)
	}
	r.verdict = compare(r.stored, r.computed)
	return r, nil
}

// finish prints a result and returns the exit status that it stands for.
func finish(r *result, o *options, stdout, stderr io.Writer) int {
	write := r.writeText
	if o.asJSON {
		write = r.writeJSON
	}
	if err := write(stdout); err != nil {
		say(stderr, "writing the result: %v", err)
		return exitWrong
	}
	if r.ok() {
		return exitOK
	}
	if !r.naive {
		r.writeDifferences(stderr)
		say(stderr, "what is stored is not this file's season; -fresh starts it again")
	}
	return exitWrong
}

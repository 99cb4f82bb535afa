package longrun

import (
	"log/slog"
	"os"
	"slices"
	"strconv"
	"time"
)

// Options configure a [Kind]. The zero value is the default, and so is nil. What is below zero is ErrInvalid.
type Options struct {
	// Version is that of the code and of the form of its state. An operation that was stored by another version
	// waits for a worker that can read it. Defaults to 0.
	Version int64
	// Reads are the older versions whose states this code can read.
	Reads []int64
	// Timeout bounds one attempt. Defaults to none.
	Timeout time.Duration
	// Quiet ends an attempt that has neither saved nor progressed for so long. Defaults to none.
	Quiet time.Duration
	// Attempts is how often an operation is tried before it has failed. A worker that died counts, one that was
	// stopped does not. Defaults to 5.
	Attempts int
	// Backoff is the time before the second attempt, and doubles with each, up to a hundred times. Defaults to 1 s.
	Backoff time.Duration
	// Grace is how long a function may go on after its ctx has ended. After that its operation is given back, and
	// what it still does is not stored. Defaults to 10 s.
	Grace time.Duration
	// Keep is how long an operation stays after it has finished, and a tombstone. Defaults to 7 days.
	Keep time.Duration
	// Lease is how long a worker may be silent before others take over what it had. It beats three times in it. All
	// processes should have the same. Defaults to 10 s.
	Lease time.Duration
	// Poll is how often an idle worker looks for operations whose time has come. One that is started in the same
	// process is found at once. Defaults to 1 s.
	Poll time.Duration
	// Parallel is how many operations a worker runs at the same time. Defaults to 4.
	Parallel int
	// Worker is the name of the workers of this process, for who looks at an operation. Defaults to the host's name and
	// the process's number.
	Worker string
	// Logger is told of attempts that fail, with the stack of a panic, and of operations that were taken over.
	// Defaults to no logging.
	Logger *slog.Logger
	// Observer is told of each start, attempt and checkpoint. Defaults to none.
	Observer Observer
}

// withDefaults returns the options in which what was left at zero has its default.
func (o *Options) withDefaults() (Options, error) {
	var v Options
	if o != nil {
		v = *o
	}
	v.Reads = slices.Clone(v.Reads)
	for _, setting := range []struct {
		name  string
		value *time.Duration
		or    time.Duration
	}{
		{"Timeout", &v.Timeout, 0},
		{"Quiet", &v.Quiet, 0},
		{"Backoff", &v.Backoff, time.Second},
		{"Grace", &v.Grace, 10 * time.Second},
		{"Keep", &v.Keep, 7 * 24 * time.Hour},
		{"Lease", &v.Lease, 10 * time.Second},
		{"Poll", &v.Poll, time.Second},
	} {
		if *setting.value < 0 {
			return v, invalidf("Options.%s is negative (%v): 0 means its default", setting.name, *setting.value)
		}
		if *setting.value == 0 {
			*setting.value = setting.or
		}
	}
	for _, setting := range []struct {
		name  string
		value *int
		or    int
	}{{"Attempts", &v.Attempts, 5}, {"Parallel", &v.Parallel, 4}} {
		if *setting.value < 0 {
			return v, invalidf("Options.%s is negative (%v): 0 means its default", setting.name, *setting.value)
		}
		if *setting.value == 0 {
			*setting.value = setting.or
		}
	}
	if v.Worker == "" {
		host, _ := os.Hostname()
		v.Worker = host + "/" + strconv.Itoa(os.Getpid())
	}
	v.Worker = cut(v.Worker, 100)
	if v.Observer == nil {
		v.Observer = unobserved{}
	}
	if v.Logger == nil {
		v.Logger = slog.New(slog.DiscardHandler)
	}
	return v, nil
}

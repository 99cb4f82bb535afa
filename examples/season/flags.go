package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
)

// options are what the flags say.
type options struct {
	data                 string
	workers              int
	resume               string
	naive, fresh, asJSON bool
	addresses            map[string]string // by the backend's flag; absent: embedded
	help                 string
}

// parseFlags reads the flags. Its errors never repeat an address, which may hold a password.
func parseFlags(args []string) (*options, error) {
	o := &options{addresses: map[string]string{}}
	flags := flag.NewFlagSet("season", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&o.data, "data", "",
		"read the season in `FILE`, in the JSON format of openfootball (default: the embedded one)")
	flags.IntVar(&o.workers, "workers", 16, "`N` matches are written at a time")
	flags.BoolVar(&o.naive, "naive", false,
		"write what was read, without versions, in tables of its own that start empty each time")
	flags.BoolVar(&o.fresh, "fresh", false, "delete the season's rows first")
	flags.StringVar(&o.resume, "resume", "",
		"replay as the operation `NAME`, which the next process with that name goes on with")
	flags.BoolVar(&o.asJSON, "json", false, "print one JSON object")
	for _, b := range backends {
		usage := fmt.Sprintf("%s, which keeps the %s (default: embedded)", b.usage, b.holds)
		flags.Func(b.flag, usage, func(address string) error {
			o.addresses[b.flag] = address
			return nil
		})
	}
	if err := flags.Parse(args); err != nil {
		o.help = help(flags)
		return o, err
	}
	if flags.NArg() > 0 {
		return o, errors.New("there are only flags, and -data FILE names a file")
	}
	if o.workers < 1 {
		return o, errors.New("-workers needs to be at least 1")
	}
	if o.resume != "" && (o.naive || len(o.addresses) < len(backends)) {
		return o, errors.New("-resume needs all three databases, since an embedded one ends with the process, " +
			"and is not for -naive")
	}
	return o, nil
}

func help(flags *flag.FlagSet) string {
	var b strings.Builder
	b.WriteString("Season replays a football season into three databases by many workers at once,\n" +
		"and proves that no update was lost.\n\n")
	flags.SetOutput(&b)
	flags.PrintDefaults()
	fmt.Fprintf(&b, "\nGate money of a match: %s.\n", gateText)
	fmt.Fprintf(&b, "Exit status: %d all is as computed, %d updates lost or rows wrong or a database failed,\n"+
		"%d wrong flags or file, %d interrupted.\n", exitOK, exitWrong, exitUsage, exitInterrupted)
	return b.String()
}

package main

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

// premierLeague is the season that is replayed when no file is named.
//
//go:embed data/premier-league-2015-16.json
var premierLeague []byte

// maxFile bounds what is read into memory. A season is about 100 kB.
const maxFile = 16 << 20

// loadLeague reads the season in a file, or the embedded one when path is empty.
func loadLeague(path string) (*league, error) {
	if path == "" {
		return parseLeague(premierLeague)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // it was only read
	data, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxFile {
		return nil, fmt.Errorf("%s: the file is larger than %d MB", path, maxFile>>20)
	}
	l, err := parseLeague(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return l, nil
}

// A rawLeague is a file's outer form: what makes it a season, with each match still unread.
type rawLeague struct {
	name    json.RawMessage
	matches []json.RawMessage
}

// readLeague walks over the file's outer form value by value, so that a fault in the JSON itself
// can be told with the match in which it stands.
func readLeague(data []byte) (*rawLeague, error) {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, errors.New("the file is empty")
	}
	d := json.NewDecoder(bytes.NewReader(data))
	raw := &rawLeague{}
	where := "" // the match that is being read
	fail := func(err error) (*rawLeague, error) {
		return nil, fmt.Errorf("%sline %d is not valid JSON: %w", where, lineOf(data, d, err), unexpected(err))
	}
	if start, err := d.Token(); err != nil {
		return fail(err)
	} else if start != json.Delim('{') {
		return nil, errors.New("the file is not a JSON object with a name and matches")
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return fail(err)
		}
		if key != "matches" {
			var value json.RawMessage
			if err := d.Decode(&value); err != nil {
				return fail(err)
			}
			if key == "name" {
				raw.name = value
			}
			continue
		}
		if raw.matches != nil {
			return nil, errors.New("matches is in the file twice")
		}
		if start, err := d.Token(); err != nil {
			return fail(err)
		} else if start != json.Delim('[') {
			return nil, errors.New("matches is not a list")
		}
		for d.More() {
			where = fmt.Sprintf("match %d: ", len(raw.matches)+1)
			var m json.RawMessage
			if err := d.Decode(&m); err != nil {
				return fail(err)
			}
			raw.matches = append(raw.matches, m)
		}
		where = fmt.Sprintf("after match %d: ", len(raw.matches))
		if _, err := d.Token(); err != nil {
			return fail(err)
		}
		where = ""
	}
	if _, err := d.Token(); err != nil {
		return fail(err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("something follows the JSON object of the season")
	}
	return raw, nil
}

// lineOf returns the number of the line at which a decoder stopped.
func lineOf(data []byte, d *json.Decoder, err error) int {
	offset := d.InputOffset()
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		offset = max(offset, syntax.Offset)
	} else if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		offset = int64(len(data))
	}
	offset = min(offset, int64(len(data)))
	return 1 + bytes.Count(data[:offset], []byte("\n"))
}

// unexpected names the end of a file that is cut off, which is otherwise just "EOF".
func unexpected(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("the file ends too early")
	}
	return err
}

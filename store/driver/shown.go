package driver

import (
	"strconv"
	"strings"
	"unicode"
)

// Shown is a text as it goes into an error or a line of a log: as it is, or quoted where a character of it is not
// printable. A name in a catalogue, or in an answer of a server, would else begin a line of its own or write to a
// terminal.
func Shown(text string) string {
	if strings.ContainsFunc(text, func(c rune) bool { return !unicode.IsPrint(c) || c == unicode.ReplacementChar }) {
		return strconv.Quote(text)
	}
	return text
}

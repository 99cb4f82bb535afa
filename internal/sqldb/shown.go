package sqldb

import "sync/atomic"

// live is what the server's answers have shown of a column, as bits that are set and never taken back.
type live struct{ shown atomic.Uint32 }

const (
	// sortsAsText: the type is one of Order.SortsAsText.
	sortsAsText = 1 << iota
	// hasZeros: it holds texts with zero characters, and Facts.ZeroEndsText.
	hasZeros
	// hasFewCharacters: it takes no text of startRange.
	hasFewCharacters
	// comparesAsText: the type is that of JSON, and the field a string.
	comparesAsText
	// isExact: the type is one of Facts.ExactTypes, and the field a float.
	isExact
	// hasType: an answer has shown whether comparesAsText or isExact.
	hasType
)

func (l *live) has(bit uint32) bool { return l.shown.Load()&bit != 0 }

// show sets a bit, and reports whether that is new.
func (l *live) show(bit uint32) bool { return l.shown.Or(bit)&bit == 0 }

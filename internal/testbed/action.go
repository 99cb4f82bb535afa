package testbed

import "bytes"

// Action says what the proxy does with bytes that it has read and not yet forwarded.
type Action int

// The actions. The "After" ones make the outcome of a request known to the server and unknown to the client: from
// a matcher of the client's bytes they forward these bytes, wait until the server has answered, and keep the
// answer back. So when the client sees the fault, the server has done what it was asked.
const (
	// Pass forwards the bytes.
	Pass Action = iota

	// Stall keeps these bytes and all that follow on this connection, in both directions, until Resume. The
	// connection stays open.
	Stall

	// Cut closes the connection on both sides without forwarding the bytes.
	Cut

	// Reset is like Cut, and the client gets a reset (RST) in place of an orderly end.
	Reset

	// StallAfter forwards the bytes and then stalls the connection: the answer is kept back until Resume.
	StallAfter

	// CutAfter forwards the bytes and cuts the connection when the answer arrives, which is lost. From a
	// matcher of the server's bytes it cuts as soon as they were forwarded.
	CutAfter

	// ResetAfter is like CutAfter, and the client gets a reset.
	ResetAfter
)

// Matcher decides what happens to bytes of one direction. The bytes are what one read brought: on a loopback
// connection a request or answer of a few kilobytes comes whole, a longer one in parts. It must not keep or change
// them. Calls are one at a time over all connections of a proxy, so a matcher needs no lock for its own state;
// it may call the proxy's methods except Close.
type Matcher func(data []byte) Action

// Once returns a matcher that takes the action on the first bytes which contain text, and passes all others. For
// the commit of MySQL text is "COMMIT", for that of MongoDB "commitTransaction".
func Once(text string, action Action) Matcher {
	done := false
	return func(data []byte) Action {
		if done || !bytes.Contains(data, []byte(text)) {
			return Pass
		}
		done = true
		return action
	}
}

// IsMongoHello reports whether a client's bytes are the greeting or the monitoring of MongoDB (hello, isMaster).
// Given to Proxy.Ignore it leaves what the driver's monitors send out of the count.
func IsMongoHello(data []byte) bool {
	// The command's name is the first key of the first document, right after the headers.
	head := data[:min(len(data), 64)]
	for _, name := range []string{"hello\x00", "isMaster\x00", "ismaster\x00", "helloOk\x00"} {
		if bytes.Contains(head, []byte(name)) {
			return true
		}
	}
	return false
}

// unanswered counts the closings of statements at the head of a client's bytes, and reports whether anything else
// follows that the server answers. The packets are those of MySQL's protocol: three bytes of length, one of
// sequence, and the command; nothing that MongoDB's clients send is that short.
func unanswered(data []byte) (closes int, more bool) {
	const quit, stmtClose = 0x01, 0x19
	for len(data) > 0 {
		switch {
		case len(data) >= 9 && data[0] == 5 && data[1] == 0 && data[2] == 0 && data[3] == 0 && data[4] == stmtClose:
			closes++
			data = data[9:]
		case len(data) == 5 && data[0] == 1 && data[1] == 0 && data[2] == 0 && data[3] == 0 && data[4] == quit:
			data = data[5:]
		default:
			return closes, true
		}
	}
	return closes, false
}

package mongo

import (
	"context"
	"sync"
	"time"
)

// leftovers are the transactions of calls that have returned before the server could be told that they are over: it
// did not answer. They are superseded in the background, so that their documents are free soon after the server
// answers again, and not after its transactionLifetimeLimitSeconds.
type leftovers struct {
	mu       sync.Mutex
	open     []*leftover
	isClosed bool
	cancel   context.CancelFunc // of the goroutine that works on them, nil where there is none
	done     chan struct{}      // closed when that goroutine has ended
}

// leftover is such a transaction.
type leftover struct {
	settle func(ctx context.Context) (isOver bool)
	drop   func(ctx context.Context) // frees its session
	// end is when it is given up. By then the server has ended it by itself, and has closed the connection on which an
	// operation could still be.
	end time.Time
}

const (
	leftoverLimit = 5 * time.Minute
	leftoverPause = 250 * time.Millisecond // between two tries
)

// add takes over a transaction, for transaction.end. It reports false once the database is closed.
func (l *leftovers) add(settle func(context.Context) bool, drop func(context.Context)) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.isClosed {
		return false
	}
	l.open = append(l.open, &leftover{settle, drop, time.Now().Add(leftoverLimit)})
	if l.cancel == nil {
		var ctx context.Context
		ctx, l.cancel = context.WithCancel(context.Background())
		l.done = make(chan struct{})
		go l.work(ctx, l.done)
	}
	return true
}

// work settles the transactions in turn, until none is left or close ends ctx. A server that does not answer
// is asked for one of them at a time.
func (l *leftovers) work(ctx context.Context, done chan struct{}) {
	defer close(done)
	for {
		next := l.first()
		if next == nil {
			return
		}
		if next.settle(ctx) || time.Now().After(next.end) || !l.putBack(next) {
			next.drop(ctx)
			continue
		}
		if !pause(ctx, leftoverPause) {
			return
		}
	}
}

// first takes the transaction that has waited longest, nil where there is none: then the goroutine ends.
func (l *leftovers) first() *leftover {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.open) == 0 || l.isClosed {
		l.cancel()
		l.cancel = nil
		return nil
	}
	next := l.open[0]
	l.open = l.open[1:]
	return next
}

func (l *leftovers) putBack(o *leftover) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.isClosed {
		return false
	}
	l.open = append(l.open, o)
	return true
}

// close ends the goroutine and returns when it is gone. What is left then is ended by the server.
func (l *leftovers) close() {
	l.mu.Lock()
	l.isClosed = true
	cancel, done := l.cancel, l.done
	l.mu.Unlock()
	if cancel == nil {
		return
	}
	cancel()
	<-done
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, o := range l.open {
		o.drop(context.Background())
	}
	l.open = nil
}

// Package tasks runs functions on goroutines of their own for a test. A function never touches the test:
// it returns an error, and its panic and its runtime.Goexit are errors too, which the test's own goroutine
// asks for and judges. What does not come back is stopped by its context, waited for within a bound, and
// then named with its stack, so that no goroutine fails a test that has ended.
package tasks

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"time"
)

// ErrExited is the outcome of a function that ended its goroutine, as runtime.Goexit does.
var ErrExited = errors.New("the function did not return")

// PanicError is the outcome of a function that panicked.
type PanicError struct {
	// Value is what it panicked with.
	Value any
	// Stack is where.
	Stack string
}

// Error returns the value and the stack.
func (e *PanicError) Error() string { return fmt.Sprintf("panicked: %v\n%s", e.Value, e.Stack) }

// StuckError says which functions have not come back in time.
type StuckError struct {
	// After is how long they were waited for.
	After time.Duration
	// Names are those of the tasks, with the turn where a task has several.
	Names []string
	// Stacks are where they were when the time was over.
	Stacks string
	// Left are the names of those that did not end with their context either, and run on.
	Left []string
}

// Error names the tasks and shows their stacks.
func (e *StuckError) Error() string {
	text := fmt.Sprintf("not back after %v: %q", e.After, e.Names)
	if len(e.Left) > 0 {
		text += fmt.Sprintf("; nor after the end of the context: %q", e.Left)
	}
	return text + "\n" + e.Stacks
}

// Group is the tasks that one test has started. Its methods are safe for concurrent use.
type Group struct {
	ctx    context.Context
	cancel context.CancelFunc

	mu      sync.Mutex
	running []*Task
}

// NewGroup returns a group whose tasks work under a context that ends with ctx, and with Stop.
func NewGroup(ctx context.Context) *Group {
	g := &Group{}
	g.ctx, g.cancel = context.WithCancel(ctx)
	return g
}

// Task is one function on a goroutine of its own.
type Task struct {
	group *Group
	done  chan struct{}
	err   error // set before done is closed

	mu   sync.Mutex
	name string
	id   string // of the goroutine, by which its stack is found
}

// Go starts a task. Its name says in a failure what did not come back.
func (g *Group) Go(name string, fn func(ctx context.Context) error) *Task {
	return g.start(g.ctx, name, func(ctx context.Context, _ *Task) error { return fn(ctx) })
}

// start starts a task under a context of its own.
func (g *Group) start(ctx context.Context, name string, fn func(ctx context.Context, t *Task) error) *Task {
	t := &Task{group: g, name: name, done: make(chan struct{})}
	g.mu.Lock()
	g.running = append(g.running, t)
	g.mu.Unlock()
	go t.run(ctx, fn)
	return t
}

// run calls fn and keeps what became of it, whether it returns, panics or ends its goroutine.
func (t *Task) run(ctx context.Context, fn func(ctx context.Context, t *Task) error) {
	t.mu.Lock()
	t.id = goroutineID()
	t.mu.Unlock()
	t.err = ErrExited
	defer func() {
		if v := recover(); v != nil {
			t.err = &PanicError{v, string(debug.Stack())}
		}
		t.group.mu.Lock()
		t.group.running = slices.DeleteFunc(t.group.running, func(other *Task) bool { return other == t })
		t.group.mu.Unlock()
		close(t.done)
	}()
	t.err = fn(ctx, t)
}

// Done is closed when the function has ended.
func (t *Task) Done() <-chan struct{} { return t.done }

// Name returns the task's name, and its turn where it has several.
func (t *Task) Name() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.name
}

// rename says what the task is at now.
func (t *Task) rename(name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.name = name
}

// Wait waits for the function and returns its error. After patience it gives up with a *StuckError, and
// leaves the task as it is.
func (t *Task) Wait(patience time.Duration) error {
	if waitFor(t.done, patience) {
		return t.err
	}
	stuck := []*Task{t}
	return &StuckError{After: patience, Names: namesOf(stuck), Stacks: stacksOf(stuck)}
}

// Running returns the names and the stacks of the tasks that have not ended.
func (g *Group) Running() (names []string, stacks string) {
	all := g.all()
	return namesOf(all), stacksOf(all)
}

// all returns the tasks that have not ended.
func (g *Group) all() []*Task {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.running)
}

// Stop ends the context of all tasks and waits for them, for as long as grace. Its error is a *StuckError
// that names those that run on. A stopped group is not used again.
func (g *Group) Stop(grace time.Duration) error {
	g.cancel()
	tasks := g.all()
	left := waitForAll(tasks, grace)
	if len(left) == 0 {
		return nil
	}
	return &StuckError{After: grace, Names: namesOf(left), Stacks: stacksOf(left), Left: namesOf(left)}
}

// waitFor reports whether a channel is closed in time. No patience asks whether it is closed now.
func waitFor(done <-chan struct{}, patience time.Duration) bool {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
	}
	select {
	case <-done: // perhaps in the same moment
		return true
	default:
		return false
	}
}

// waitForAll waits for tasks, together no longer than patience, and returns those that have not ended.
func waitForAll(tasks []*Task, patience time.Duration) (left []*Task) {
	end := time.Now().Add(patience)
	for _, t := range tasks {
		if !waitFor(t.done, time.Until(end)) {
			left = append(left, t)
		}
	}
	return left
}

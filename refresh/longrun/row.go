package longrun

import (
	"time"

	"github.com/stillframe/stillframe/store"
)

// The words of this package.
//
//	kind        a name and the function that does its operations, in this process; made by New
//	operation   one piece of work, a row: its kind, its id, its state
//	attempt     one run of the function for an operation, from its beginning
//	worker      a running Work, with a row of its own in which it beats
//	claim       the random id of one worker's hold on an operation; nobody stores without it
//	checkpoint  the state of an operation as a Save or an Atomic has stored it
//	wish        what somebody has asked of an operation that runs: pause or cancel
//	lease       how long a worker may be silent before others take over

// Phase is where an operation is in its life.
type Phase string

// The phases. An operation that is done, failed or cancelled stays so until Retry.
const (
	Waiting   Phase = "waiting" // for its time, and for a worker
	Running   Phase = "running"
	Paused    Phase = "paused"
	Done      Phase = "done"
	Failed    Phase = "failed"
	Cancelled Phase = "cancelled"
	// Deleted is the phase of a tombstone, which keeps the token of an operation that was deleted.
	Deleted Phase = "deleted"
)

// IsFinished reports whether no worker will go on with the operation by itself.
func (p Phase) IsFinished() bool { return p == Done || p == Failed || p == Cancelled || p == Deleted }

// By says who asked for something, and why. Both may be empty.
type By struct {
	Who string `json:"who,omitempty"` // at most 100 characters count
	Why string `json:"why,omitempty"` // at most 500
}

// Attempt is one run of the function for an operation.
type Attempt struct {
	Number int64     `json:"number"`
	Worker string    `json:"worker"` // its name, and its id
	Began  time.Time `json:"began"`
	Ended  time.Time `json:"ended"`
	Result string    `json:"result"` // "done", "failed", "later", "paused", "cancelled", "handed back" or "lost"
	Error  string    `json:"error,omitempty"`
}

// attemptsKept is how many attempts of an operation are remembered.
const attemptsKept = 20

// name is the key of an operation.
type name struct {
	Kind string `db:"kind" bson:"kind" store:"size=60"`
	ID   string `db:"id" bson:"id" store:"size=120"`
}

// operation is the row of one. It moves by claims, checkpoints and wishes alone: beats are in the rows of workers.
type operation struct {
	store.Snapshot `bson:",inline"`

	Name  name      `bson:"_id" store:"key"`
	Phase Phase     `db:"phase" bson:"phase" store:"size=10,index=due"`
	Due   time.Time `db:"due" bson:"due" store:"index=due"` // not before then
	// Code is the Options.Version of the code that has written State.
	Code  int64  `db:"code" bson:"code"`
	State string `db:"state" bson:"state" store:"size=max"` // JSON
	// Checkpoint counts the states that were stored, by which a commit that was lost is told from one that landed.
	Checkpoint int64 `db:"checkpoint" bson:"checkpoint"`

	Claim   string    `db:"claim" bson:"claim" store:"size=32"` // empty where nobody has it
	Worker  string    `db:"worker" bson:"worker" store:"size=32,index"`
	Token   int64     `db:"token" bson:"token"` // grows with each claim, through the lives of the id
	Attempt int64     `db:"attempt" bson:"attempt"`
	Since   time.Time `db:"since" bson:"since"` // of the phase

	Wish   Phase     `db:"wish" bson:"wish" store:"size=10"` // Paused, Cancelled or empty
	Who    string    `db:"who" bson:"who" store:"size=100"`  // of the last that was asked for
	Why    string    `db:"why" bson:"why" store:"size=500"`
	Asked  time.Time `db:"asked" bson:"asked"`
	Failed string    `db:"failed" bson:"failed" store:"size=1000"` // the error of the last attempt

	Progress int64      `db:"progress" bson:"progress"`
	Total    int64      `db:"total" bson:"total"`
	Text     string     `db:"text" bson:"text" store:"size=200"`
	Moved    time.Time  `db:"moved" bson:"moved"`         // when a checkpoint or progress was stored last
	SleepsTo *time.Time `db:"sleeps_to" bson:"sleeps_to"` // the end of a Sleep that runs, or was cut short

	Attempts []Attempt `db:"attempts" bson:"attempts" store:"json"`
	Trace    string    `db:"trace" bson:"trace" store:"size=200"` // of Observer.Started
	Created  time.Time `db:"created" bson:"created" store:"created"`
}

// worker is the row of one.
type worker struct {
	store.Snapshot `bson:",inline"`

	ID   string    `db:"id" bson:"_id" store:"key,size=32"`
	Name string    `db:"name" bson:"name" store:"size=100"`
	Beat int64     `db:"beat" bson:"beat"` // grows with each beat
	At   time.Time `db:"at" bson:"at"`     // of the last, by the clock of the worker
}

// ask stores who has asked for something.
func (o *operation) ask(by By, at time.Time) {
	o.Who, o.Why, o.Asked = cut(by.Who, 100), cut(by.Why, 500), at
}

// become moves an operation to another phase.
func (o *operation) become(p Phase, at time.Time) {
	o.Phase, o.Since = p, at
	if p != Running {
		o.Claim, o.Worker, o.Wish = "", "", ""
	}
}

// noteEnd notes how the attempt that runs has ended.
func (o *operation) noteEnd(result, failed string, at time.Time) {
	if n := len(o.Attempts); n > 0 && o.Attempts[n-1].Ended.IsZero() {
		last := &o.Attempts[n-1]
		last.Ended, last.Result, last.Error = at, result, failed
	}
}

// cut returns at most n characters of a text that can be stored.
func cut(text string, n int) string {
	var runes []rune
	for _, r := range text { // what is no UTF-8 becomes U+FFFD
		if r == 0 {
			continue
		}
		if len(runes) == n {
			runes[n-1] = '…'
			break
		}
		runes = append(runes, r)
	}
	return string(runes)
}

package edit

import (
	"time"

	"github.com/stillframe/stillframe/store"
)

// The tables, or collections, of this package. An edit also has an operation of package longrun.
const (
	PlansTable   = "edit_plans"
	JournalTable = "edit_journal"
)

// State is where an edit is in its life.
type State string

// The states.
const (
	Planning State = "planning" // a Plan runs, or has died
	Planned  State = "planned"  // and waits for Approve
	Approved State = "approved"
	Applying State = "applying" // an Apply runs, was interrupted or has stopped
	Applied  State = "applied"
	Undoing  State = "undoing"
	Undone   State = "undone"
)

// Phase is where one row of a plan is.
type Phase string

// The phases.
const (
	RowPlanned Phase = "planned"
	RowApplied Phase = "applied"
	Held       Phase = "held"    // it was no longer as planned, and was left alone
	Refused    Phase = "refused" // by the function, by Validate, by a condition of the edit or by the database
	RowUndone  Phase = "undone"
	Kept       Phase = "kept" // Undo has left it as it is, since it was no longer as the edit had made it
)

// plan is the row of an edit.
type plan struct {
	store.Snapshot `bson:",inline"`

	Name  string `db:"name" bson:"_id" store:"key,size=50"`
	State State  `db:"state" bson:"state" store:"size=10"`
	Table string `db:"target" bson:"target" store:"size=200"`
	Run   string `db:"run" bson:"run" store:"size=32"` // of the Plan that writes the journal

	PlannedBy  string     `db:"planned_by" bson:"planned_by" store:"size=100"`
	ApprovedBy string     `db:"approved_by" bson:"approved_by" store:"size=100"`
	AppliedBy  string     `db:"applied_by" bson:"applied_by" store:"size=100"`
	UndoneBy   string     `db:"undone_by" bson:"undone_by" store:"size=100"`
	PlannedAt  *time.Time `db:"planned_at" bson:"planned_at"`
	ApprovedAt *time.Time `db:"approved_at" bson:"approved_at"`
	AppliedAt  *time.Time `db:"applied_at" bson:"applied_at"`
	UndoneAt   *time.Time `db:"undone_at" bson:"undone_at"`

	Summary string    `db:"summary" bson:"summary" store:"size=max"` // JSON
	Created time.Time `db:"created" bson:"created" store:"created"`
	Since   time.Time `db:"since" bson:"since" store:"index"` // of the state
}

// become moves an edit to another state.
func (p *plan) become(s State, at time.Time) { p.State, p.Since = s, at }

// place is the key of a row in the journal.
type place struct {
	Edit   string `db:"edit" bson:"edit" store:"size=50"`
	Number int64  `db:"number" bson:"number"` // from 1, in the order of the keys
}

// line is a row of the journal.
type line struct {
	store.Snapshot `bson:",inline"`

	Place  place  `bson:"_id" store:"key"`
	Phase  Phase  `db:"phase" bson:"phase" store:"size=10"`
	Entity string `db:"entity" bson:"entity" store:"size=max"` // its key, as JSON
	// Before and After are fields as JSON, by their names: all of them before, and those that the edit changes after.
	// A deletion has no After.
	Before string    `db:"before_row" bson:"before" store:"size=max"`
	After  string    `db:"after_row" bson:"after" store:"size=max"`
	Reason string    `db:"reason" bson:"reason" store:"size=500"` // of what was held, refused or kept
	At     time.Time `db:"at" bson:"at"`
}

func now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }

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

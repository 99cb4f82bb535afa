// Package edit changes many rows of production data as one would change servers: first a plan that can be looked at,
// then an approval, then the change, and a way back.
//
//	e := edit.New(players, "2026-11-bonus", store.Where("Level", store.Lt, 10),
//		func(p *Player) error { p.Gold += 50; return nil },
//		&edit.Options{Most: 5000, By: "ann"})
//	plan, err := e.Plan(ctx)        // writes down what would change, and changes nothing
//	err = plan.Print(os.Stdout)     // how many rows, which fields, by how much, examples
//	err = e.Approve(ctx, "bob")     // perhaps in another process, on another day
//	status, err := e.Apply(ctx)     // in batches, beside live traffic
//	status, err = e.Undo(ctx, nil)  // takes back what nobody has touched since
//
// A script that loops over all entities and saves each destroys what others have written meanwhile, changes more than
// was meant, and nobody knows afterwards what was there before. Here the plan is a journal in the database: for each
// row its fields before and after. Apply moves each to applied, held or refused in the transaction that changes the
// row, so that no row is changed twice, whoever dies when, and however often Plan and Apply of the same name are
// called.
//
// # As planned
//
// A row is changed where it still matches the query, the fields that the edit changes are as they were, and the
// function makes the same change on it. Its version may be another: live traffic touches rows all day. Any other row
// is held, with the reason, and [Edit.Rows] lists it. A deletion needs the whole row as it was planned.
//
// # The way back
//
// Undo takes a row back where all of it is as the edit has left it, and lists why it has left another. Times that the
// mapping sets (created, updated) are set anew by the write. A secret field stands in no plan and no journal: an edit
// that changes one is ErrInvalid, and so is a deletion of entities that have one.
//
// # Limits
//
// A plan costs a read of what it selects, two runs of the function for each row, and a row of the journal that holds
// the fields as JSON: one whose value does not read back from JSON as it was is ErrInvalid. Memory does not grow with
// the number of rows. Apply needs transactions, and the tables of package longrun beside those of [Journal].
package edit

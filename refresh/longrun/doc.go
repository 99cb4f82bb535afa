// Package longrun does work that survives a restart, shared by processes that talk only through the database.
//
// An operation is a row: its state, and who does it. It is started in the program's own transaction, together with what
// it is about, and done by any process whose [Kind.Work] runs: from its beginning, or from its last checkpoint when the
// process that did it has died, was stopped, or the operation was paused.
//
//	camp, err := longrun.New(db, "training", func(ctx context.Context, step *longrun.Step[Camp]) error {
//		for step.State.Done < step.State.Sessions {
//			err := step.Atomic(ctx, func(ctx context.Context, tx *store.Tx) error {
//				step.State.Done++
//				_, err := players.In(tx).Modify(ctx, step.State.Player, train)
//				return err
//			})
//			if err != nil {
//				return err
//			}
//			step.Progress(step.State.Done, step.State.Sessions, "training")
//		}
//		return nil
//	}, nil)
//
//	err = camp.Start(ctx, "7", Camp{Player: 7, Sessions: 40}, nil) // or camp.In(tx).Start, with what it is about
//	err = camp.Work(ctx)                                           // in as many processes as there are
//	err = camp.Pause(ctx, "7", longrun.By{Who: "anna", Why: "rain"})
//
// # What it promises
//
// A checkpoint is stored by one worker at a time: the one whose claim, a random id, stands in the row. A worker that
// others take for dead, and that goes on all the same, stores nothing more: its calls return [ErrLost], and its
// function's ctx has ended. What [Step.Atomic] writes happens exactly once for each checkpoint, whatever answers are
// lost. What a function does elsewhere (a mail, a request) may happen again after its last checkpoint; [Step.Token]
// lets the other side refuse what comes from a worker that has lost the operation.
//
// An attempt counts when it fails or its worker dies. One that was paused, stopped or put off by [Later] does not.
//
// Clocks decide only how soon something happens, never what is stored.
//
// # What takes how long
//
// A worker beats in a row of its own, three times in Options.Lease; when it has been silent for a lease, or has never
// been seen alive and its last beat is ten leases old, others take over. On MongoDB a process that was killed in the
// middle of an Atomic holds its documents until the server's transactionLifetimeLimitSeconds have passed, 60 by
// default: nobody can take them before. A wish (Pause, Cancel, Force) reaches the function through package refresh:
// within milliseconds in the same process and on MongoDB, else within a quarter of a second.
//
// # What is not here
//
// The function is not replayed: it begins anew, and finds in step.State what it has stored there. There is no bound of
// how many operations of a kind run at once in all processes together, only Options.Parallel for one worker, and no
// order but that of their time.
package longrun

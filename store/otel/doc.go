// Package otel gives the calls of package store to OpenTelemetry: a span and metrics for each, by its
// semantic conventions for database clients (version 1.43.0 of the conventions).
//
//	observer, err := otel.New(nil) // the global providers
//	db, err := mysql.Open(ctx, dsn, &mysql.Options{Store: store.Options{Observer: observer}})
//
// One observer may serve many databases. [store.Observers] joins it with others.
//
// # Spans
//
// A span is named by the operation and what it is on, "modify clubs", and for a call on the database
// itself by that database, "atomic game". Its kind is client. The calls in the function of an Atomic that
// use the function's context are its children. It has the attributes db.system.name, db.namespace,
// db.collection.name and db.operation.name, and
//
//   - db.response.returned_rows, where the call only reads;
//   - stillframe.rows_written, where it wrote;
//   - stillframe.attempts, where there was more than one;
//   - stillframe.run, in an Atomic or View: the run of its function;
//   - stillframe.key, where [Options.Keys] says so;
//   - error.type, as below.
//
// Each conflict and each retry is an event of the span, "stillframe.conflict" and "stillframe.retry".
//
// # Metrics
//
//   - db.client.operation.duration, a histogram in seconds;
//   - db.client.response.returned_rows, a histogram, of calls that only read;
//   - stillframe.client.conflicts, how often a call met another's write;
//   - stillframe.client.retries, how often a call or a run began again.
//
// Their attributes are those of the span that have few values: the system, the database, the collection,
// the operation and error.type. A conflict or retry of an Atomic has the collection that was met.
//
// # Operations
//
// [NewLongrun] is for the operations of package longrun, and [WatchLongrun] for how many there are:
//
//	observer, err := otel.NewLongrun(nil)
//	camp, err := longrun.New(db, "training", train, &longrun.Options{Observer: observer})
//	stop, err := otel.WatchLongrun(camp.Operations, nil, "training")
//
// An operation is in the trace of the call that has started it: "start training", and below it "attempt training" for
// each attempt, in whatever process, with stillframe.longrun.kind, .attempt, .token, .worker, .result, .id where
// [Options.Keys] says so, and an event "stillframe.longrun.checkpoint" for each checkpoint. The metrics are
//
//   - stillframe.longrun.attempt.duration, a histogram in seconds, by kind and result;
//   - stillframe.longrun.step.duration, a histogram: the time between two checkpoints;
//   - stillframe.longrun.wait.duration, a histogram: from when an operation was due to when it was claimed;
//   - stillframe.longrun.operations, by phase: waiting, running, paused, done, failed, cancelled;
//   - stillframe.longrun.oldest.age, a gauge: how long the one has been due that has waited longest.
//
// # Errors
//
// error.type is the outcome that package store names: "conflict", "exists", "unknown_outcome", "transient",
// "unsupported", "invalid", "tx_done", "closed", "canceled", "deadline_exceeded", and "_OTHER" for errors of
// the caller's own functions and of the database that have no name. ErrNotFound is an answer and no failure:
// neither error.type nor the status of the span tell of it. The same holds for an error that Atomic
// answers by running its function again (store.Call.Rerun): stillframe.rerun is true on its span. No text
// of an error is put anywhere, since it may hold a key.
package otel

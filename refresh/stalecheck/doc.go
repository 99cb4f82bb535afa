// Package stalecheck finds, before a program runs, mistakes that package store can only tell of when it does, or not at
// all. It is a module of its own, so that golang.org/x/tools is in nobody's graph, and a tool of go vet:
//
//	go install github.com/stillframe/stillframe/refresh/stalecheck/cmd/stalecheck@latest
//	go vet -vettool=$(which stalecheck) ./...
//
// What it finds:
//
//   - rebound: a method called Refresh, Reload or Refetch that assigns to its receiver. That is a variable of the
//     method: whoever holds the entity goes on with the old one. The fix assigns what it points at.
//   - droppederr: a loop over Find, Watch, Follow and others that give errors, which takes the entities alone. A loop
//     that ends early looks like one that has seen all.
//   - impure: a function given to Modify, ModifyMany, Upsert, Atomic, View, Once or OnceValue that does what a second
//     run does again, and what no rollback takes back: it adds to a variable from outside, sends on, receives from or
//     closes a channel, calls a server, writes a file, runs a command, executes SQL on a handle that is not the Tx's,
//     or, in a Modify, calls another repository. Sleeping is named too, since it holds locks. Variables that the
//     function sets first, logs, what is given to OnCommit, and what a View reads are no findings.
//   - outertx: in the function of Atomic, View, Once or OnceValue, a call with the ctx from outside, or on a repository
//     that is not bound to the Tx. The first outlives the Tx and the second is not part of it. The fixes take the
//     function's own.
//   - mapping: what NewRepository or MustRepository would return an error for: a type without a key or version, with
//     two, or with one of another type; a word that no tag has; a field that cannot be stored, or whose name another
//     one has; a Validate that would never be called. It says what they say, and nothing of what only a run shows, or
//     what one backend would take; a package that imports mysql, sqlserver or mongo is looked at by their tags alone.
//   - fields: in a query that is handed to a call of a repository, to refresh.Follow or edit.New: a name that no field
//     of the entity has, and a value, or list of values, that the field cannot be compared with, by the rules that the
//     call itself goes by. Names that are no constants, values whose types are known in a run alone, and queries that
//     come from elsewhere are passed over. The fix takes the nearest name, where there is but one.
//   - unknown: where ErrUnknownOutcome or MayHaveHappened has said that a write may have happened: the same Insert, or
//     a Modify or Atomic that adds to what is there, done once more, a return of another of the library's errors, which
//     say that nothing has happened, and one of nil. And a loop that makes such a write until it gives no error,
//     whatever the error was. A second Save of the same copy is no finding: it shows whether the first has happened.
//     The fix gives back the error itself.
//   - stalecopy: a copy that is written again after its Save, Touch or Delete has failed, without a Reload, Get or
//     Modify between them; one that is handed on, or returned with a nil error, on a way that does the same whether the
//     write has failed or not; and one that is written after refresh.Wait or Watch has given a newer copy of it. It
//     goes along the ways that a function can go. Where an error was found to be another than ErrConflict, or somebody
//     else decides about it, where a function or a pointer may change the copy, it says nothing.
//   - keptcopy: an entity that was read, and is kept in a package variable, or in a field of a struct that many calls
//     share (one with a lock, a DB or a repository in it): as it is, in a list, map or channel there, or in a function
//     that is stored there. It grows old unseen. Where the same function reloads what is kept, asks whether it is
//     stale, or is told of writes (Watch, Follow, Changes, OnWrite), it is looked after, and no finding.
//
// All but the first two pass over tests, and packages that import package testing: they count runs, leave a Tx, and
// make faults on purpose.
//
// A comment //stalecheck:ignore with a reason, at the end of a line or alone above it, silences that line.
package stalecheck

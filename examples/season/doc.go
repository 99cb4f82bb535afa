// Season replays a football season, match by match and by many workers at once, into three
// databases, and then proves that not one update was lost.
//
//	go run ./examples/season                       # 380 matches by 16 workers
//	go run ./examples/season -workers 64 -json     # one JSON object on standard output
//	go run ./examples/season -naive -workers 64    # the same work without versions: see it fail
//	go run ./examples/season -data FILE            # another season of the openfootball format
//	go run ./examples/season -resume NAME …        # as an operation that survives kill -9
//
// It shows how one program keeps its state in several databases with one way of working:
//
//	MySQL       clubs and standings
//	MongoDB     match reports
//	SQL Server  the clubs' accounts: each match's gate money
//
// A database that gets no flag is embedded in the program, and behaves as its family does: it locks
// rows like the SQL databases, or reads one snapshot like MongoDB.
//
// # What to look at
//
//   - model.go: the entities. One struct is stored under its db tags in SQL and under its bson tags
//     in MongoDB; a struct key is a composite key in the one and a subdocument in the other.
//   - replay.go: the heart. Each database's part of a match is one Atomic of short
//     read/modify/writes, which also inserts a row whose key is the match. That row makes the part
//     safe to run again after a crash or an unknown outcome: it is done once.
//   - season.go: Upsert of the rows that a season starts with, Find and View to read them at the
//     end, a bounded delete for -fresh.
//   - naive.go: what a program does that reads, changes, and writes what it holds.
//   - resume.go: the replay as an operation of package longrun. A process that is killed leaves it at its
//     last checkpoint; the next one with the same -resume NAME goes on there.
//   - counter.go: an Observer, here to count the conflicts that were met.
//
// The clubs are contended: 64 workers take matches from a shuffled queue, and each match changes
// the rows of 2 of 20 clubs. No worker locks anything by name, none checks a version by hand, and no
// retry loop is written for conflicts.
//
// # What is checked
//
// The stored table, accounts, clubs and reports are compared with a plain sequential computation
// over the same file (table.go, check.go). An update is one match's share in one row: two standings,
// two accounts and one report, 5 for each match. Lost updates are those that a stored row should
// hold and does not. The exit status is
//
//	0    all is as computed
//	1    updates were lost, a row differs, or a database failed
//	2    the flags or the file are wrong
//	130  interrupted; the next run on the same databases plays the rest
//
// All rows are keyed by the season's name, so that several seasons share the databases, and a second
// run of one changes nothing. -fresh deletes the season's rows first.
//
// The embedded season is the Premier League of 2015-16, from openfootball (public domain, CC0).
package main

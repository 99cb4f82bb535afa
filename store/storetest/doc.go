// Package storetest is the conformance suite of package store: it says whether a backend is right.
//
// Each guarantee of package store has tests that are named after it. They run against a backend
// alone, through a [Harness], which opens handles on it and can write rows behind the library's back.
// What a backend's Info claims is asserted; what Info denies must be refused, before any I/O. Only
// tests import this package.
//
// # How to run it on your own backend
//
// A backend implements driver.Database. Its test is one call, and these twenty lines of harness:
//
//	func TestConformance(t *testing.T) {
//		pool := rawConnection(t) // of the database's own client
//		storetest.Run(t, storetest.Harness{
//			Open: func(tb testing.TB, o store.Options) *store.DB {
//				db, err := mydb.Open(tb.Context(), address, &mydb.Options{Store: o})
//				require.NoError(tb, err)
//				return db
//			},
//			Table: func(tb testing.TB, name string) string {
//				tb.Cleanup(func() { pool.Exec("DROP TABLE IF EXISTS " + name) })
//				return name
//			},
//			Raw: raw{pool}, // UPDATE, UPDATE … NULL, DELETE and SELECT *, as Raw says
//			Leaks: func(tb testing.TB) {
//				require.Zero(tb, openTransactions(pool))
//			},
//		})
//	}
//
// Open and Raw are required. Run it with -race first, then with -short while you work: most tests
// take milliseconds. One test is TestConformance/Guarantee/Name, as in
//
//	go test -run 'TestConformance/Modify/SeesChangesInPlace'
//
// Begin with SameValues and Mapping, which need single rows; then Versions, NamedOutcomes, Modify,
// Find and Queries; then Atomic and what follows from it. A test that chooses at random prints its
// seed: STORETEST_SEED=n runs it again. A harness that can break a connection fills in Faults; the
// suite makes faults up otherwise, between package store and the backend.
//
// A call that does not return fails its test after some twenty seconds, or after STORETEST_PATIENCE, by its
// name and its stack. The suite ends its context and waits for it, so that no goroutine outlives its test.
//
// # Histories
//
// The tests named History… have many clients on several handles make random calls on a few rows, and
// check that one order of all calls, each at one moment between its start and its end, explains what
// every one of them was told. When there is none, the calls are written to a file, with a picture
// beside it that opens in a browser. The log names both. They are in the folder that the environment
// variable STORETEST_FAILURES names, else in that of go test -artifacts, else in one for temporary
// files. The seed repeats the choices of the clients and not their meeting, so that a history which
// failed may have to be run more than once: -count=50.
//
// The tests named Transcript… run one list of random operations on the backend and on package memstore,
// with what both can do, and compare what every step said. A difference is printed with the steps that
// are needed to show it.
//
// [UnderFaults] plays histories while faults happen that the caller can make: connections that are
// cut and stalled, servers that are killed and paused. It is not part of Run.
//
// # How to add a test
//
// The tests of a guarantee are in the file of its name, freshreads.go, or in freshreads_topic.go: a test
// of the suite's own keeps it so. Such a file registers its tests under the guarantee, and they get an
// environment that opens handles, makes tables, counts the calls on the backend and knows what must not
// be waited for. Whoever adds a guarantee also breaks a backend for it: the suite's own tests hold
// backends that are wrong in one way each, and every one must be caught, some of them by a history or a
// transcript and by nothing else. "make conformance" counts them and says what caught each.
package storetest

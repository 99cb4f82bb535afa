package main

func Example() {
	main()
	// Output:
	// The script that writes what it has read
	//   wrote 10000 families, and took back what 150 had won meanwhile; nobody was told
	// The same, by Save
	//   changed 1500 families and wrote 9850
	//   150 were stale and refused, nothing was lost: store: save families "150": version conflict (have 1, stored 2)
	// With SkipUnchanged
	//   changed 1500 families and wrote 1477
	//   150 were stale and refused, nothing was lost: store: save families "150": version conflict (have 1, stored 2)
	// As a plan
	//   refused: it selects 10000 of 10000 rows, and Options.Most is 2000
	// 2026-11-bonus  families: would change 1500 of 10000 rows
	// selected 1500, unchanged 0, refused 0; planned, planned by ann
	//
	//   field  rows  least  mean  most  total   up    down
	//   Gold   1500  +50    +50   +50   +75000  1500  0
	//
	//   1
	//     Gold: - 100  + 150
	//
	//   2
	//     Gold: - 100  + 150
	//
	//   20
	//     Gold: - 100  + 150
	//
	//   21
	//     Gold: - 100  + 150
	//
	//   22
	//     Gold: - 100  + 150
	//   interrupted in the middle; another process goes on
	//   applied 1477, held 23 that were no longer as planned
	//   took back 1462, kept 15 that were touched since
}

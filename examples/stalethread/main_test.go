package main

func Example() {
	main()
	// Output:
	// The thread has ended. The request still shows level 1
	// Is its copy stale? true
	// Saving it: store: save users "7": version conflict (have 1, stored 2)
	// Reloaded: level 2
	// Waited for: level 3
	// Modified: level 13 version 4
}

package main

func Example() {
	main()
	// Output:
	// inside Refresh: balance 400
	// after Refresh: balance 500 version 1
	// after Reload: balance 400 version 2
	// who holds the same club sees balance 400
	// store: reload clubs "7": not found
	// still in hand: balance 400 version 2
}

// Command run prints what a repository says of each query of package fields.
package main

import (
	"fmt"

	"testdata/fields"
)

func main() {
	fields.All(func(err error) { fmt.Println(err) })
	fields.Right(func(err error) {
		if err != nil {
			fmt.Println("refused:", err)
		}
	})
}

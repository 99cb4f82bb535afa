// Command run prints each problem that NewRepository has with the types of package mapping, on a line of its own.
package main

import (
	"fmt"
	"strings"

	"testdata/mapping"
)

func main() {
	mapping.All(func(err error) {
		if err == nil {
			return
		}
		for line := range strings.SplitSeq(err.Error(), "\n") {
			fmt.Println(line)
		}
	})
}

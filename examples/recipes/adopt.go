package recipes

import (
	"context"
	"fmt"
)

// Adopt prints what the live table lacks, what must be mended first, each with the statement that mends it. It
// changes nothing.
func Adopt(ctx context.Context, clubs Clubs) error {
	differences, err := clubs.CheckSchema(ctx)
	for _, d := range differences {
		fmt.Printf("%s: %s.%s: %s\n\t%s\n", d.Severity, d.Table, d.Name, d.Problem, d.Fix)
	}
	return err
}

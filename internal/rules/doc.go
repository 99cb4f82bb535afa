// Package rules holds the rules of this module that the compiler does not check, as tests: which
// package may import which, that every export is documented, how many names a package may have and
// how long a file may be.
package rules

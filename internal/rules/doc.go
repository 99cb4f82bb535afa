// Package rules holds the rules of this module that the compiler does not check, as tests: which package may import
// which, which files of a package may need each other, that no error is dropped without a word, that every export and
// every long function has a comment, how many names a package may have, how long a file may be and how wide a line.
package rules

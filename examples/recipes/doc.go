// Package recipes holds the code of docs/RECIPES.md, which is compiled and tested here. It is to be read and
// copied, not imported.
package recipes

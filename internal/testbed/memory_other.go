//go:build !linux

package testbed

// memoryFolder returns no folder in memory: only Linux says where one is.
func memoryFolder() string { return "" }

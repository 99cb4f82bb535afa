package testbed

import (
	"os"
	"syscall"
)

const (
	// memoryPath is where Linux keeps files in memory. They outlive a process that is killed.
	memoryPath = "/dev/shm"
	// memoryNeeded is the space that must be free there: some servers of a few hundred MB.
	memoryNeeded = 4 << 30
)

// memoryFolder returns a folder in memory for the data of MongoDB, which cannot be told to leave out fsync: each
// write of the majority waits for one. It is empty, for the usual temporary folder, where there is too little
// room (a container has 64 MB) or where TMPDIR names a place.
func memoryFolder() string {
	var fs syscall.Statfs_t
	if os.Getenv("TMPDIR") != "" || syscall.Statfs(memoryPath, &fs) != nil ||
		fs.Bavail*uint64(fs.Bsize) < memoryNeeded {
		return ""
	}
	return memoryPath
}

package tasks

import (
	"bytes"
	"runtime"
	"strings"
)

// goroutineID returns the number of the goroutine that calls it, "17". Only the text of its stack has it.
func goroutineID() string {
	buffer := make([]byte, 64)
	header := string(buffer[:runtime.Stack(buffer, false)]) // "goroutine 17 [running]: …"
	id, _, _ := strings.Cut(strings.TrimPrefix(header, "goroutine "), " ")
	return id
}

// namesOf returns the names of tasks.
func namesOf(tasks []*Task) []string {
	names := make([]string, len(tasks))
	for i, t := range tasks {
		names[i] = t.Name()
	}
	return names
}

// stacksOf returns where tasks are, those that have ended or not begun left out.
func stacksOf(tasks []*Task) string {
	if len(tasks) == 0 {
		return ""
	}
	wanted := map[string]bool{}
	for _, t := range tasks {
		t.mu.Lock()
		wanted[t.id] = true
		t.mu.Unlock()
	}
	var found []string
	for stack := range bytes.SplitSeq(allStacks(), []byte("\n\n")) {
		id, _, _ := strings.Cut(strings.TrimPrefix(string(stack), "goroutine "), " ")
		if wanted[id] {
			found = append(found, string(stack))
		}
	}
	return strings.Join(found, "\n\n")
}

// allStacks returns the stacks of all goroutines.
func allStacks() []byte {
	for size := 1 << 20; ; size *= 2 {
		buffer := make([]byte, size)
		if n := runtime.Stack(buffer, true); n < size {
			return buffer[:n]
		}
	}
}

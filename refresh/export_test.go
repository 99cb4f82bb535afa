package refresh

// Hubs is the number of hubs that have waiters.
func Hubs() int {
	hubs.Lock()
	defer hubs.Unlock()
	return len(hubs.all)
}

// Waiters is the number of calls that wait for entities.
func Waiters() (n int) {
	hubs.Lock()
	defer hubs.Unlock()
	for _, h := range hubs.all {
		n += h.(interface{ count() int }).count()
	}
	return n
}

func (h *hub[T, K]) count() int { return h.waiters }

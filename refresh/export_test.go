package refresh

import "github.com/stillframe/stillframe/store"

// WaitersOf is the number of calls that wait for entities of a database.
func WaitersOf(db *store.DB) (n int) {
	hubs.Lock()
	defer hubs.Unlock()
	for id, h := range hubs.all {
		if id.db == db {
			n += h.(interface{ count() int }).count()
		}
	}
	return n
}

func (h *hub[T, K]) count() int { return h.waiters }

// HubsOf is the number of hubs of a database.
func HubsOf(db *store.DB) (n int) {
	hubs.Lock()
	defer hubs.Unlock()
	for id := range hubs.all {
		if id.db == db {
			n++
		}
	}
	return n
}

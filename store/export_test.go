package store

// Waiting returns how many calls wait for an entity.
func (r *Repository[T, K]) Waiting(key K) int { return r.repo.db.gate.Waiting(r.repo.turns, key) }

// Lanes returns how many lanes a DB has, and how many slots are taken.
func (db *DB) Lanes() (lanes, taken int) { return db.gate.Taken() }

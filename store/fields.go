package store

import "github.com/stillframe/stillframe/store/driver"

// Spec returns what the mapping of the entities has come to, for code that works on entities of any type. It does no
// I/O. The slices in it belong to the repository and must not be changed.
func (r *Repository[T, K]) Spec() driver.Spec { return r.repo.mapping.Spec }

// Different returns the names of the fields that are not stored alike in two entities, key and version aside. It does
// no I/O. A time that differs by less than the backend's precision, or a decimal written with another number of zeros,
// is alike.
func (r *Repository[T, K]) Different(a, b T) []string {
	return r.repo.mapping.Different(driver.RecordOf(&a), driver.RecordOf(&b))
}

// WhereKeys returns the query that selects the entities of these keys, to be joined with another by [AllOf]: at most
// 16,384 keys, or as many struct keys as have 1,000 parts together.
func (r *Repository[T, K]) WhereKeys(keys []K) Query {
	spec := &r.repo.mapping.Spec
	if spec.Key.Kind != driver.Composite {
		return Where(spec.Key.Name, In, keys)
	}
	all := make([]Query, len(keys))
	for i, key := range keys {
		for j, v := range spec.KeyValues(key) {
			all[i] = all[i].And(spec.Key.Parts[j].Name, Eq, v.Interface())
		}
	}
	return AnyOf(all...)
}

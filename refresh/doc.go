// Package refresh tells when a frame is old: it waits for what others write, where a program else sleeps, or has a
// method called refresh that refreshes nothing.
//
// An entity in memory is a copy of what the database held at one moment. Nothing here changes a copy that somebody
// holds; each call gives new ones.
//
//	user, err := refresh.Wait(ctx, users, id, func(u User) (bool, error) { return u.Level >= 10, nil }, nil)
//	err := refresh.Gone(ctx, users, id, nil)
//	for user, err := range refresh.Watch(ctx, users, id, nil) { … }
//	for page, err := range refresh.Follow(ctx, users, lobby.Limit(50), nil) { … }
//	refresh.Wake(users, id)
//
// # Which call
//
//   - until an entity is as it should be, in a test or a request: [Wait]; until it is deleted: [Gone]
//   - to act on each new state of an entity for as long as somebody looks: [Watch]
//   - to show a list that changes: [Follow]
//   - to have them read now, because a message of another process says so: [Wake]
//   - to have the newest state now, in a variable that one holds: none of these, but Repository.Reload
//
// # What they promise
//
// Each means the same on every backend, whatever wakes it.
//
// Nothing is given that was not read. A wake-up is a reason to read, and tells nothing of the state. Every read began
// after the call, so that it shows what was acknowledged before, and every copy is the caller's own.
//
// No wake-up is lost. A call listens before it reads, and a write that a read does not show has it read again.
//
// Never backward, and never twice. Watch gives versions that rise, and Follow no older version of an entity after a
// newer one. A row that seems to be gone, or older than it was, is read once more by a read that cannot be taken back
// ([store.Repository.GetConfirmed]): a server that has lost an election and does not know it ends nothing. A key that
// was deleted and inserted again has begun another life, and ends a Watch, unless its new version happens to be the old
// one or a greater: a version cannot show that.
//
// The newest, not all. What has passed between two reads is not seen, and a loop whose body takes long goes on with the
// newest state. It keeps nobody else waiting.
//
// A server that is away ends nothing. It is waited for, with a pause that grows to a second, until the ctx ends: the
// [Error] then says what was read last, and why the last attempt failed.
//
// Nothing stays. When the last call on a table has ended, so have the goroutines and the stream that served it.
//
// # What wakes them
//
// The writes of this DB, as soon as they are acknowledged. The writes of others, where the database tells of them
// (Info.Changes): MongoDB by a change stream, one for a collection and process, on connections of its own; it needs a
// replica set, and a DB of Open, or Options.ChangeClient. And where nobody tells, a look every Options.Interval: one
// statement that reads the versions of all keys of a table that somebody waits for. Where the database tells, there
// is a look four times less often, for what a stream may have been told too soon.
//
// # What it costs
//
// All who wait for an entity share its reads, and all who wait in a table its looks. An entity is read once when it
// was written, and then not before Options.Least has passed: a row with 1,000 writes a second is read 50 times a
// second at most, however many watch. A Follow reads by itself.
package refresh

// Package interop has the library and the clients of Python services, SQLAlchemy and mongoengine, change the same rows
// and documents on real servers: what one writes the other reads, and who notices whose write. The tables of
// docs/SQLALCHEMY.md and docs/MONGOENGINE.md are made by it. It is tests alone.
package interop

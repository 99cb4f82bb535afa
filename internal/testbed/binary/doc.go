// Package binary knows where the programs of the database servers lie and how each is run: on PATH, or in the
// folder .servers at the module's root, which "make servers" fills. It starts nothing that goes on running, and
// it installs nothing.
//
// The layout of .servers, one folder a server (mariadb, mysql, mongo):
//
//	bin/      mariadbd, mysqld or mongod: the program, or a script that runs it beside its own loader
//	root/     what the script runs: the unpacked packages
//	data/     a fresh data folder, copied for every server that is started (not for MongoDB)
//	stamp     which recipe made the folder, and from what
package binary

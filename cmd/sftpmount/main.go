// Command sftpmount mounts a directory of a server over SSH.
//
//	sftpmount [user@]host:[dir] mountpoint [options]
//
// A few other first words are commands (commands.go).
//
// Called by the name sshfs, through a link, it answers as that does (persona.go).
//
// It reads the command line (args.go, options.go, table.go), starts itself once
// more to go to the background later (background.go), builds the stack of file
// systems (stack.go), mounts it and serves until it is unmounted (serve.go).
//
// The files, by what they are about:
//
//	command line   args, options, options_*, table, value, keywords, mountoptions,
//	               nearest, target, persona, help, exit, quote
//	starting       main, background, child, signals, mountpoint, deadmount,
//	               neededfile, remount
//	the mount      serve, stack, wire, route, loop, ownerfile
//	watching it    monitor, connection, log, journal, flood, slowlog, systemd
//	commands       commands, status, unmount, version, complete, hosts
package main

import (
	"fmt"
	"os"

	"sftpmount/sftpconn/sshdial"
)

// defaultPath is where programs such as fusermount3 and ssh are looked for if
// nobody said where.
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

func main() {
	if os.Getenv("PATH") == "" { // mount(8) hands on none
		_ = os.Setenv("PATH", defaultPath)
	}
	if code, was := sshdial.HandOnQuestion(os.Args[1:]); was {
		os.Exit(code)
	}
	who := calledAs(os.Args[0])
	code, err := run(who, os.Args[1:])
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %s\n", who.name, oneLine(err))
	}
	os.Exit(who.exitCode(code))
}

// run returns the code to exit with, and what is still to be said about it.
func run(who persona, args []string) (int, error) {
	if c := who.findCommand(args); c != nil {
		err := c.run(args[1:])
		return exitCode(err), err
	}
	o, err := parseArgs(who, args)
	if err != nil {
		return exitCode(err), err
	}
	switch {
	case o.help:
		fmt.Print(helpText(who))
		return exitOK, nil
	case o.version:
		fmt.Println(who.versionText())
		return exitOK, nil
	}
	if o.helper.fake {
		return exitOK, nil
	}
	if o.mount.remount {
		err := remount(o)
		return exitCode(err), err
	}
	starter, err := findParent()
	if err != nil {
		return exitFailure, err
	}
	if starter == nil && !o.startup.foreground {
		return runInBackground(o)
	}
	err = serve(o, starter)
	return exitCode(err), err
}

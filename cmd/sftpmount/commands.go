package main

import "fmt"

// A command is a first word that asks for something else than a mount. It cannot
// be taken for a server, which has a colon in it.
type command struct {
	name   string
	args   string // as the help shows them
	help   string // empty: it is for other programs, and the help leaves it out
	mounts bool   // its arguments are mountpoints
	run    func(args []string) (exit int, err error)
}

func commands() []command {
	return []command{
		{name: "version", help: "show version, commit and Go", run: runVersion},
		{name: "complete", run: runComplete},
	}
}

// findCommand returns nil if args ask for a mount, as they always do to sshfs.
func (p persona) findCommand(args []string) *command {
	if len(args) == 0 || p.isSSHFS() || p.helper {
		return nil
	}
	for _, c := range commands() {
		if c.name == args[0] {
			return &c
		}
	}
	return nil
}

func runVersion(args []string) (int, error) {
	if len(args) > 0 {
		return exitUsage, fmt.Errorf("%q is too much: sftpmount version", args[0])
	}
	fmt.Print(fullVersion())
	return exitOK, nil
}

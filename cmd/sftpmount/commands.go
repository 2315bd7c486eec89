package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/pflag"
	"golang.org/x/sys/unix"
)

// A command is a first word that asks for something else than a mount. It cannot
// be taken for a server, which has a colon in it.
type command struct {
	name   string
	args   string // as the help shows them
	help   string // empty: it is for other programs, and the help leaves it out
	usage  string // what its -h shows; empty: it takes no flags
	mounts bool   // its arguments are mountpoints
	run    func(args []string) error
}

func commands() []command {
	return []command{
		{"status", "[mountpoint]", "tell how a mount is; --json, --watch", statusUsage, true, showStatus},
		{"list", "", "list the mounts of this user", listUsage, false, showList},
		{"unmount", "mountpoint", "unmount, and wait until all data is sent", unmountUsage, true, unmount},
		{name: "version", help: "show version, commit and Go", usage: versionUsage, run: showVersion},
		{name: "complete", run: showCandidates},
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

// parseCommand reads the arguments of the command that flags are named after, at
// most most of which may be no flags. done is true if they ask for usage, which
// it then prints.
func parseCommand(flags *pflag.FlagSet, usage string, args []string, most int) (places []string, done bool, err error) {
	flags.SetOutput(io.Discard) // errors are printed once, by main
	flags.Usage = func() {}
	switch err := flags.Parse(args); {
	case errors.Is(err, pflag.ErrHelp):
		fmt.Print(usage)
		return nil, true, nil
	case err != nil:
		return nil, false, usageError("%w: sftpmount %s -h explains", err, flags.Name())
	case flags.NArg() > most:
		return nil, false, usageError("one argument too many: %q; sftpmount %s -h explains", flags.Arg(most), flags.Name())
	}
	return flags.Args(), false, nil
}

// isTerminal reports whether a person looks at what is written to f.
func isTerminal(f *os.File) bool {
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}

const versionUsage = `usage: sftpmount version

Shows the version, the commit it was built from, and the Go that built it: what to
add to a report of a bug.
`

func showVersion(args []string) error {
	_, done, err := parseCommand(pflag.NewFlagSet("version", pflag.ContinueOnError), versionUsage, args, 0)
	if done || err != nil {
		return err
	}
	fmt.Print(fullVersion())
	return nil
}

package main

import (
	"path/filepath"
	"strings"
)

// A persona is how the program behaves under the name by which it was called.
type persona struct {
	name   string
	helper bool // mount(8) calls, or somebody who speaks like it
}

var (
	ourselves = persona{name: "sftpmount"}
	asSSHFS   = persona{name: "sshfs"}
)

// calledAs returns the persona for the first word of the command line. mount(8)
// calls a helper by names such as mount.sshfs and mount.fuse.sshfs.
func calledAs(arg0 string) persona {
	name := filepath.Base(arg0)
	helper := strings.HasPrefix(name, "mount.")
	who := ourselves
	if name == "sshfs" || helper && strings.HasSuffix(name, ".sshfs") {
		who = asSSHFS
	}
	who.helper = helper
	return who
}

func (p persona) isSSHFS() bool { return p.name == asSSHFS.name }

// exitCode returns what to exit with. sshfs fails with 1 whatever is wrong, and
// scripts may compare; mount(8) has codes of its own, and hands on those of its
// helpers.
func (p persona) exitCode(code int) int {
	if p.helper {
		return mountExitCode(code)
	}
	if p.isSSHFS() && code != exitOK && code < exitSignal {
		return exitFailure
	}
	return code
}

// The versions of sshfs and libfuse whose options are all taken. Scripts read
// them to find out what they may ask for.
const (
	sshfsVersion   = "3.7.6"
	libfuseVersion = "3.17.0"
)

func (p persona) versionText() string {
	ours := "sftpmount version " + versionText()
	if !p.isSSHFS() {
		return ours
	}
	return "SSHFS version " + sshfsVersion + "\nFUSE library version " + libfuseVersion + "\n" + ours
}

package main

import (
	"path/filepath"
	"strings"
)

// A persona is how the program behaves under the name by which it was called.
type persona struct {
	name string
}

var (
	ourselves = persona{"sftpmount"}
	asSSHFS   = persona{"sshfs"}
)

// calledAs returns the persona for the first word of the command line. mount(8)
// calls a helper by names such as mount.sshfs and mount.fuse.sshfs.
func calledAs(arg0 string) persona {
	name := filepath.Base(arg0)
	if name == "sshfs" || strings.HasPrefix(name, "mount.") && strings.HasSuffix(name, ".sshfs") {
		return asSSHFS
	}
	return ourselves
}

// exitCode returns what to exit with. sshfs fails with 1 whatever is wrong, and
// scripts may compare.
func (p persona) exitCode(code int) int {
	if p == asSSHFS && code != exitOK && code < exitSignal {
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
	if p != asSSHFS {
		return ours
	}
	return "SSHFS version " + sshfsVersion + "\nFUSE library version " + libfuseVersion + "\n" + ours
}

package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCalledAs(t *testing.T) {
	for arg0, want := range map[string]persona{
		"sftpmount":              ourselves,
		"/usr/bin/sftpmount":     ourselves,
		"sshfs":                  asSSHFS,
		"/usr/bin/sshfs":         asSSHFS,
		"/sbin/mount.sshfs":      {"sshfs", true},
		"/sbin/mount.fuse.sshfs": {"sshfs", true},
		"mount.sftpmount":        {"sftpmount", true},
		"mount.fuse.sftpmount":   {"sftpmount", true},
		"my.sshfs":               ourselves,
		"":                       ourselves,
	} {
		assert.Equal(t, want, calledAs(arg0), arg0)
	}
}

func TestSSHFSFailsWithOne(t *testing.T) {
	assert.Equal(t, 1, asSSHFS.exitCode(exitUsage))
	assert.Equal(t, 1, asSSHFS.exitCode(exitUnsent))
	assert.Equal(t, 0, asSSHFS.exitCode(exitOK))
	assert.Equal(t, 130, asSSHFS.exitCode(exitSignal+2))
	assert.Equal(t, exitUsage, ourselves.exitCode(exitUsage))
}

// sshfs takes the two places in either order.
func TestPlacesInEitherOrder(t *testing.T) {
	for _, line := range []string{"host:dir|/mnt", "/mnt|host:dir", "/mnt|-o|ro|host:dir"} {
		o, err := parse(line)
		require.NoError(t, err, line)
		assert.Equal(t, target{host: "host", dir: "dir"}, o.target, line)
		assert.Equal(t, "/mnt", o.mountpoint, line)
	}
}

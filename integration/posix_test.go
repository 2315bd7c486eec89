package integration

import (
	"os"
	"testing"

	"github.com/hanwen/go-fuse/v2/posixtest"
	"github.com/stretchr/testify/require"
)

// posixSkips are the tests of posixtest that a mount over SFTP cannot pass.
// More of them skip themselves on an errno that says so, such as ENOTSUP for
// extended attributes.
var posixSkips = map[string]string{
	"Fallocate":           "SFTP has no request that reserves space",
	"FallocateKeepSize":   "SFTP has no request that reserves space",
	"FcntlFlockLocksFile": "the test takes both locks in one process, whose locks never conflict (fcntl(2)); go-fuse skips it too",
	"Link":                "SFTP version 3 carries no link count",
	"OpenSymlinkRace":     "SFTP opens by path: the server follows a link that has just taken a file's place",
}

func TestPosix(t *testing.T) {
	t.Parallel()
	server := startSSHD(t)
	for name, test := range posixtest.All {
		t.Run(name, func(t *testing.T) {
			if reason := posixSkips[name]; reason != "" {
				t.Skip(reason)
			}
			t.Parallel()
			// Some tests make links to files outside of the mount.
			m := mountDir(t, server, t.TempDir(), "-o", "no_contain_symlinks")
			require.NoError(t, os.Mkdir(m.path("dir"), 0o755))
			test(t, m.path("dir"))
		})
	}
}

// Each skip must name a test that there is.
func TestPosixSkips(t *testing.T) {
	t.Parallel()
	for name := range posixSkips {
		require.Contains(t, posixtest.All, name)
	}
}

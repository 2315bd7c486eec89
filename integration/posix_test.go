package integration

import (
	"maps"
	"os"
	"slices"
	"testing"

	"github.com/hanwen/go-fuse/v2/posixtest"
	"github.com/stretchr/testify/require"
)

// posixSkips are the tests of posixtest that a mount over SFTP cannot pass.
// XAttr, XAttrLarge and Tmpfile skip themselves where that is refused.
var posixSkips = map[string]string{
	"FcntlFlockLocksFile": "it takes both locks in one process, whose locks never conflict (fcntl(2)); go-fuse skips it too",
	"FallocateKeepSize":   "SFTP has no request that reserves space",
	"OpenSymlinkRace":     "SFTP opens by path: the server follows a link that has just taken a file's place",
}

// The suite opens files without O_CLOEXEC, so it has to run while no other test
// starts programs: they would keep the mount busy. It is not parallel, nor are
// its tests.
func TestPosix(t *testing.T) {
	// Some tests make links to files outside of the mount.
	m := newMount(t, "-o", "no_contain_symlinks")
	for _, name := range slices.Sorted(maps.Keys(posixtest.All)) {
		t.Run(name, func(t *testing.T) {
			if reason := posixSkips[name]; reason != "" {
				t.Skip(reason)
			}
			require.NoError(t, os.Mkdir(m.path(name), 0o755))
			posixtest.All[name](t, m.path(name))
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

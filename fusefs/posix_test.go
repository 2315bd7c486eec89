package fusefs

import (
	"testing"

	"github.com/hanwen/go-fuse/v2/posixtest"
)

// posixSkips says which of go-fuse's tests do not apply. XAttr, XAttrLarge and
// Tmpfile skip themselves once they see that it is refused; so does
// TestRefusals not.
var posixSkips = map[string]string{
	"FcntlFlockLocksFile": "fails on every file system: locks of one process do not exclude each other",
	"OpenSymlinkRace":     "a link on the server leads to files of the server: SFTP's OPEN cannot refuse it",
	"FallocateKeepSize":   "SFTP cannot set space aside beyond the end of a file",
}

func TestPosix(t *testing.T) {
	for name, test := range posixtest.All {
		t.Run(name, func(t *testing.T) {
			if why, ok := posixSkips[name]; ok {
				t.Skip(why)
			}
			// SymlinkReadlink reads an absolute target.
			f := mount(t, nil, func(o *Options) { o.NoContainSymlinks = true })
			test(t, f.mnt)
		})
	}
}

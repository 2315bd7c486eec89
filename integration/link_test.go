package integration

import (
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"sftpmount/sftpconn/sftptest"
)

// linkedMount is a mount whose server is reached over a line that can fail.
type linkedMount struct {
	*mount
	server   *sshd
	link     *sftptest.Link
	compared atomic.Int64 // bytes of contents that same and sameTrees compared
}

// newLinkedMount mounts an empty directory. A dead server is noticed after two
// to three seconds.
func newLinkedMount(t *testing.T, args ...string) *linkedMount {
	t.Helper()
	return linkTo(t, startSSHD(t), args...)
}

func linkTo(t *testing.T, s *sshd, args ...string) *linkedMount {
	t.Helper()
	link := sftptest.NewLink(t, s.addr())
	_, port, err := net.SplitHostPort(link.Addr())
	require.NoError(t, err)
	number, err := strconv.Atoi(port)
	require.NoError(t, err)
	c := newClient(t, s, userName(t, os.Getuid()), number)
	c.replaceInConfig(t, "ConnectTimeout 30", "ConnectTimeout 30\n    ServerAliveInterval 1\n    ServerAliveCountMax 2")
	m := mountAs(t, c, t.TempDir(), args...)
	// Every drop is logged, and so are the attempts to connect again.
	m.expect(`level=WARN.*(?i)(connect|link|server|reopen)`)
	return &linkedMount{mount: m, server: s, link: link}
}

// same compares long texts, and counts them.
func (m *linkedMount) same(want, got, what string) {
	m.t.Helper()
	sameText(m.t, want, got, "%s", what)
	m.compared.Add(int64(len(got)))
}

// sameTrees compares two trees, and counts their contents.
func (m *linkedMount) sameTrees(want, got string) {
	m.t.Helper()
	sameTree(m.t, want, got)
	require.NoError(m.t, filepath.WalkDir(want, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		info, err := entry.Info()
		if err == nil {
			m.compared.Add(info.Size())
		}
		return err
	}))
}

package integration

import (
	"net"
	"os"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"sftpmount/sftpconn/sftptest"
)

// linkedMount is a mount whose server is reached over a line that can fail.
type linkedMount struct {
	*mount
	server *sshd
	link   *sftptest.Link
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
	c.replaceInConfig(t, "ConnectTimeout 5", "ConnectTimeout 5\n    ServerAliveInterval 1\n    ServerAliveCountMax 2")
	m := mountAs(t, c, t.TempDir(), args...)
	// Every drop is logged, and so are the attempts to connect again.
	m.expect(`level=WARN.*(?i)(connect|link|server|reopen)`)
	return &linkedMount{mount: m, server: s, link: link}
}

package sshdial

import (
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// serverConn connects as cfg says to a listener on loopback, and returns our
// end and the server's.
func serverConn(t *testing.T, lines ...string) (ours, theirs net.Conn) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	cfg, err := Resolve(testContext(t), Options{
		Host: "127.0.0.1", Port: listener.Addr().(*net.TCPAddr).Port, ConfigFile: writeConfig(t, lines...),
	})
	require.NoError(t, err)
	ours, err = cfg.connect(testContext(t))
	require.NoError(t, err)
	theirs, err = listener.Accept()
	require.NoError(t, err)
	t.Cleanup(func() { _, _ = ours.Close(), theirs.Close() })
	return ours, theirs
}

func socketOption(t *testing.T, conn net.Conn, level, option int) int {
	t.Helper()
	raw, err := conn.(syscall.Conn).SyscallConn()
	require.NoError(t, err)
	var value int
	var optErr error
	require.NoError(t, raw.Control(func(fd uintptr) { value, optErr = unix.GetsockoptInt(int(fd), level, option) }))
	require.NoError(t, optErr)
	return value
}

func TestSocketOptions(t *testing.T) {
	withAndWithoutSSH(t, func(t *testing.T) {
		ours, _ := serverConn(t)
		require.Equal(t, 0, socketOption(t, ours, unix.IPPROTO_IP, unix.IP_TOS))
		require.Equal(t, 1, socketOption(t, ours, unix.SOL_SOCKET, unix.SO_KEEPALIVE))

		ours, theirs := serverConn(t, "BindAddress 127.0.0.7", "IPQoS af21 cs1", "TCPKeepAlive no")
		require.Equal(t, "127.0.0.7", theirs.RemoteAddr().(*net.TCPAddr).IP.String())
		require.Equal(t, 0x20, socketOption(t, ours, unix.IPPROTO_IP, unix.IP_TOS))
		require.Equal(t, 0, socketOption(t, ours, unix.SOL_SOCKET, unix.SO_KEEPALIVE))

		_, theirs = serverConn(t, "BindInterface lo", "AddressFamily inet", "IPQoS none")
		require.Equal(t, "127.0.0.1", theirs.RemoteAddr().(*net.TCPAddr).IP.String())
	})
	_, err := interfaceAddresses("tcp", "nonesuch")
	require.ErrorContains(t, err, "BindInterface nonesuch")
	_, err = Resolve(testContext(t), Options{Host: "h", ConfigFile: "none", Overrides: []string{"IPQoS=perhaps"}})
	require.Error(t, err)
}

func TestConnectionAttempts(t *testing.T) {
	t.Parallel()
	addr := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: freePort(t)}
	tcp := TCP{HostName: "127.0.0.1", Port: addr.Port, ConnectTimeout: testTimeout, ConnectionAttempts: 1, IPQoS: -1}
	_, err := tcp.connect(testContext(t))
	require.ErrorIs(t, err, syscall.ECONNREFUSED)

	tcp.ConnectionAttempts = 20
	listening := make(chan net.Listener, 1)
	time.AfterFunc(attemptPause/2, func() {
		again, err := net.ListenTCP("tcp", addr)
		assert.NoError(t, err)
		listening <- again
	})
	conn, err := tcp.connect(testContext(t))
	require.NoError(t, err)
	require.NoError(t, conn.Close())
	require.NoError(t, (<-listening).Close())
}

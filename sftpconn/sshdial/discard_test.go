package sshdial

import (
	"io"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A peer that did not take what was sent hears of it no more.
func TestCloseDiscardsWhatIsUnsent(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = listener.Close() }()
	for name, c := range map[string]struct {
		size int
		want error
	}{
		"nothing unsent": {0, nil},
		"full buffers":   {64 << 20, syscall.ECONNRESET},
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := net.Dial("tcp", listener.Addr().String())
			require.NoError(t, err)
			peer, err := listener.Accept()
			require.NoError(t, err)
			defer func() { _ = peer.Close() }()
			require.NoError(t, conn.SetWriteDeadline(time.Now().Add(time.Second)))
			_, _ = conn.Write(make([]byte, c.size))
			discardUnsent(conn)
			require.NoError(t, conn.Close())
			require.NoError(t, peer.SetReadDeadline(time.Now().Add(testTimeout)))
			_, err = io.Copy(io.Discard, peer)
			if c.size == 0 {
				require.NoError(t, err)
			} else {
				require.ErrorIs(t, err, c.want)
			}
		})
	}
}

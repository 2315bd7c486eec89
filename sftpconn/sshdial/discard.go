package sshdial

import (
	"net"

	"golang.org/x/sys/unix"
)

// discardUnsent makes closing conn drop what the peer has not acknowledged
// (RST), if there is such data. Otherwise the kernel would go on sending it: a
// write that was sent again on the next connection, and overwritten since, would
// arrive a second time.
func discardUnsent(conn net.Conn) {
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return
	}
	unsent := 0
	_ = raw.Control(func(fd uintptr) {
		unsent, err = unix.IoctlGetInt(int(fd), unix.SIOCOUTQ)
	})
	if err != nil || unsent > 0 {
		_ = tcp.SetLinger(0)
	}
}

package sshdial

import (
	"fmt"
	"net"
	"os"
	"strconv"

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

// discardUnsentOf does the same to the TCP connections of a program that is
// about to be ended, as far as this process may reach into it.
func discardUnsentOf(pid int) {
	program, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return
	}
	defer func() { _ = unix.Close(program) }()
	files, _ := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	for _, file := range files {
		number, _ := strconv.Atoi(file.Name())
		fd, err := unix.PidfdGetfd(program, number, 0)
		if err != nil {
			continue
		}
		protocol, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PROTOCOL)
		if err == nil && protocol == unix.IPPROTO_TCP {
			if unsent, err := unix.IoctlGetInt(fd, unix.SIOCOUTQ); err == nil && unsent > 0 {
				_ = unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
			}
		}
		_ = unix.Close(fd)
	}
}

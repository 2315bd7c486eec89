package sftptest

import (
	"context"
	"net"
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// port is a TCP port on loopback that stays ours while nobody listens on it:
// connections to it are then refused, and no stranger can take it.
type port struct {
	fd   int // bound, never listening
	addr string
}

func reservePort() (*port, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	p := &port{fd: fd}
	if err := p.bind(); err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

func (p *port) bind() error {
	if err := unix.SetsockoptInt(p.fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1); err != nil {
		return os.NewSyscallError("setsockopt", err)
	}
	if err := unix.Bind(p.fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return os.NewSyscallError("bind", err)
	}
	name, err := unix.Getsockname(p.fd)
	if err != nil {
		return os.NewSyscallError("getsockname", err)
	}
	number := name.(*unix.SockaddrInet4).Port
	p.addr = net.JoinHostPort("127.0.0.1", strconv.Itoa(number))
	return nil
}

// listen starts to listen on the port, which SO_REUSEPORT on both sockets
// allows although it is bound already.
func (p *port) listen() (net.Listener, error) {
	config := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		var failed error
		err := raw.Control(func(fd uintptr) {
			failed = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
		})
		if err != nil {
			return err
		}
		return os.NewSyscallError("setsockopt", failed)
	}}
	return config.Listen(context.Background(), "tcp4", p.addr)
}

func (p *port) close() { _ = unix.Close(p.fd) }

package sshdial

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// Ways to an SFTP server without SSH: nobody logs in, nothing is encrypted.

// NewDirect returns the way to an SFTP server that listens at a TCP port. Of
// opts it takes Host, MaxConns and Logger.
func NewDirect(port int, opts Options) Way {
	return several(&directWay{TCP{
		HostName: opts.Host, Port: port,
		ConnectTimeout: defaultConnectTimeout, ConnectionAttempts: 1, TCPKeepAlive: true, IPQoS: -1,
	}}, opts)
}

type directWay struct{ tcp TCP }

// Dial implements [Way].
func (w *directWay) Dial(ctx context.Context) (Transport, error) {
	conn, err := w.tcp.connect(ctx)
	if err != nil {
		return nil, err
	}
	limitSilence(conn, w.tcp.patience())
	return &stream{conn: conn}, nil
}

// Close implements [Way].
func (w *directWay) Close() error { return nil }

// NewVsock returns the way to an SFTP server in a virtual machine, or on its
// host (vsock(7)).
func NewVsock(cid, port uint32, opts Options) Way {
	return several(&vsockWay{unix.SockaddrVM{CID: cid, Port: port}}, opts)
}

// ParseVsock reads CID:PORT.
func ParseVsock(text string) (cid, port uint32, err error) {
	left, right, _ := strings.Cut(text, ":")
	c, errC := strconv.ParseUint(left, 10, 32)
	p, errP := strconv.ParseUint(right, 10, 32)
	if errC != nil || errP != nil {
		return 0, 0, fmt.Errorf("%q is not CID:PORT, two numbers", text)
	}
	return uint32(c), uint32(p), nil
}

type vsockWay struct{ address unix.SockaddrVM }

// Dial implements [Way]. The kernel gives up after 2 s.
func (w *vsockWay) Dial(context.Context) (Transport, error) {
	fd, err := unix.Socket(unix.AF_VSOCK, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err == nil {
		if err = unix.Connect(fd, &w.address); err == nil {
			err = unix.SetNonblock(fd, true)
		}
		if err != nil {
			_ = unix.Close(fd)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("connect to vsock %d:%d: %w", w.address.CID, w.address.Port, err)
	}
	return &stream{conn: os.NewFile(uintptr(fd), "vsock")}, nil
}

// Close implements [Way].
func (w *vsockWay) Close() error { return nil }

// NewPassive returns the way to an SFTP server that is there already: what it
// says is read from in, and what it is told is written to out. It takes both
// over. There is no second connection.
func NewPassive(in, out *os.File) Way { return &passiveWay{in: in, out: out} }

type passiveWay struct {
	in, out *os.File
	used    atomic.Bool
}

// Dial implements [Way].
func (w *passiveWay) Dial(context.Context) (Transport, error) {
	if w.used.Swap(true) {
		return nil, permanent(errors.New("standard input and output have ended, and cannot be connected again"))
	}
	in, err := pollable(w.in)
	if err != nil {
		return nil, err
	}
	out, err := pollable(w.out)
	if err != nil {
		_ = in.Close()
		return nil, err
	}
	return &stream{conn: filePair{in, out}}, nil
}

// Close implements [Way].
func (w *passiveWay) Close() error { return nil }

// pollable returns file as one whose reads and writes end when it is closed.
func pollable(file *os.File) (*os.File, error) {
	fd, err := unix.FcntlInt(file.Fd(), unix.F_DUPFD_CLOEXEC, 3)
	if err == nil {
		err = unix.SetNonblock(fd, true)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file.Name(), err)
	}
	_ = file.Close()
	return os.NewFile(uintptr(fd), file.Name()), nil
}

// filePair is a stream of two files.
type filePair struct{ in, out *os.File }

func (p filePair) Read(b []byte) (int, error)  { return p.in.Read(b) }
func (p filePair) Write(b []byte) (int, error) { return p.out.Write(b) }
func (p filePair) Close() error                { return errors.Join(p.out.Close(), p.in.Close()) }

package sftptest

import (
	"context"
	"io"
	"net"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"sftpmount/sftpconn"
	"sftpmount/sftpconn/sshdial"
)

// DialTransport connects to an SSH server that lets anybody in, such as a
// [Server] without users or a [Link] in front of one. The host key is not
// checked. ctx bounds connecting only.
func DialTransport(ctx context.Context, addr string) (sftpconn.Transport, error) {
	host, text, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		return nil, err
	}
	return sshdial.NewWay(sshdial.Config{
		Host: host, User: "test",
		TCP:      sshdial.TCP{HostName: host, Port: port, ConnectTimeout: time.Minute, IPQoS: -1},
		HostKeys: sshdial.HostKeys{StrictHostKeyChecking: "no"},
	}, sshdial.Options{}).Dial(ctx)
}

// SFTPServerTransport runs OpenSSH's sftp-server, one process per channel,
// without SSH between. Relative paths start in a temporary directory and files
// are created with umask 022. It is closed when t ends, and t is skipped where
// the program is not installed.
func SFTPServerTransport(t testing.TB) sftpconn.Transport {
	t.Helper()
	transport := &processTransport{path: needSFTPServer(t), dir: t.TempDir()}
	t.Cleanup(func() { _ = transport.Close() })
	return transport
}

// processTransport carries each channel to a process of its own.
type processTransport struct {
	path string
	dir  string

	mu        sync.Mutex
	closed    bool
	processes []*process
}

func (t *processTransport) OpenChannel(context.Context) (io.ReadWriteCloser, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil, os.ErrClosed
	}
	p, err := startProcess(t.path, t.dir)
	if err != nil {
		return nil, err
	}
	t.processes = append(t.processes, p)
	return p, nil
}

func (t *processTransport) Ping() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return os.ErrClosed
	}
	return nil
}

func (t *processTransport) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	for _, p := range t.processes {
		_ = p.Close()
	}
	return nil
}

package sftptest

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"testing"

	"golang.org/x/crypto/ssh"

	"sftpmount/sftpconn"
)

// DialTransport connects to an SSH server that lets anybody in, such as a
// [Server] without users or a [Link] in front of one. The host key is not
// checked. ctx bounds connecting only.
func DialTransport(ctx context.Context, addr string) (sftpconn.Transport, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	sshConn, channels, requests, err := ssh.NewClientConn(conn, addr, &ssh.ClientConfig{
		User:            "test",
		HostKeyCallback: ssh.InsecureIgnoreHostKey(),
	})
	if !stop() && ctx.Err() != nil {
		err = ctx.Err()
	}
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	t := &sshTransport{conn: conn, ssh: sshConn}
	t.wg.Go(func() { ssh.DiscardRequests(requests) })
	t.wg.Go(func() {
		for c := range channels {
			_ = c.Reject(ssh.UnknownChannelType, "no channels are served here")
		}
	})
	return t, nil
}

// sshTransport is an SSH connection to a Server.
type sshTransport struct {
	conn net.Conn
	ssh  ssh.Conn
	wg   sync.WaitGroup // goroutines, each of which ends with conn

	mu     sync.Mutex
	closed bool
}

func (t *sshTransport) OpenChannel(ctx context.Context) (io.ReadWriteCloser, error) {
	type opened struct {
		channel ssh.Channel
		err     error
	}
	result := make(chan opened)
	t.mu.Lock()
	if t.closed {
		t.mu.Unlock()
		return nil, net.ErrClosed
	}
	t.wg.Go(func() {
		channel, err := t.openChannel()
		select {
		case result <- opened{channel, err}:
		case <-ctx.Done():
			if err == nil {
				_ = channel.Close()
			}
		}
	})
	t.mu.Unlock()
	select {
	case r := <-result:
		return r.channel, r.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (t *sshTransport) openChannel() (ssh.Channel, error) {
	channel, requests, err := t.ssh.OpenChannel("session", nil)
	if err != nil {
		return nil, err
	}
	t.wg.Go(func() { ssh.DiscardRequests(requests) })
	t.wg.Go(func() { _, _ = io.Copy(io.Discard, channel.Stderr()) })
	ok, err := channel.SendRequest("subsystem", true, ssh.Marshal(struct{ Name string }{"sftp"}))
	if err == nil && !ok {
		err = errors.New("the sftp subsystem was refused")
	}
	if err != nil {
		return nil, errors.Join(err, channel.Close())
	}
	return channel, nil
}

func (t *sshTransport) Ping() error {
	_, _, err := t.ssh.SendRequest("keepalive@openssh.com", true, nil)
	return err
}

func (t *sshTransport) Close() error {
	t.mu.Lock()
	t.closed = true
	t.mu.Unlock()
	err := t.conn.Close()
	_ = t.ssh.Wait() // why the connection ended: this Close
	t.wg.Wait()
	return err
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

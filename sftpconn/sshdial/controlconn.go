package sshdial

import (
	"context"
	"io"
	"net"
	"os"
	"os/exec"
	"slices"
	"sync"
	"syscall"
)

// controlConn is a connection that an ssh program holds, as a Transport.
type controlConn struct {
	way    *programWay
	master *process // the first channel; the others end with it
	dir    string   // private, removed in the end
	socket string   // the master's

	mu       sync.Mutex
	taken    bool       // the first channel is
	channels []*process // further ones that have not ended
	closed   bool
}

// OpenChannel implements [Transport]. Whether the server allows the channel
// shows when it is read from.
func (c *controlConn) OpenChannel(context.Context) (io.ReadWriteCloser, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.closed:
		return nil, net.ErrClosed
	case !c.taken:
		c.taken = true
		return c.master, nil
	}
	cmd := exec.Command(c.way.command[0], c.way.channelArguments(c.socket)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	p, err := c.way.run(cmd)
	if err != nil {
		return nil, err
	}
	c.channels = append(slices.DeleteFunc(c.channels, (*process).hasEnded), p)
	return p, nil
}

// Ping asks nobody: the program probes the server by itself
// (ServerAliveInterval), and ends if that is dead.
func (c *controlConn) Ping() error {
	if c.master.hasEnded() {
		return c.master.failure()
	}
	return nil
}

// Close implements [Transport].
func (c *controlConn) Close() error {
	c.mu.Lock()
	c.closed = true
	channels := c.channels
	c.mu.Unlock()
	var ends sync.WaitGroup
	for _, p := range append([]*process{c.master}, channels...) {
		ends.Go(func() { _ = p.Close() })
	}
	ends.Wait()
	return os.RemoveAll(c.dir)
}

package sftptest

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// linkConn is one connection through a Link: two sockets and a pipe each way.
// Its goroutines end with ctx.
type linkConn struct {
	ctx    context.Context
	cancel context.CancelFunc
	target string
	lines  [2]*line
	queues [2]*queue
	client *net.TCPConn
	hungUp atomic.Bool

	mu     sync.Mutex
	server *net.TCPConn // nil until it is reached
}

func newLinkConn(client *net.TCPConn, target string, lines [2]*line) *linkConn {
	c := &linkConn{
		target: target,
		lines:  lines,
		queues: [2]*queue{newQueue(), newQueue()},
		client: client,
	}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	return c
}

func (c *linkConn) run() {
	defer c.cut()
	select {
	case <-c.lines[Up].opened(): // a server does not hear of a connection over a silent line
	case <-c.ctx.Done():
		return
	}
	// A cut while it dials must be a reset, too: the server may have accepted.
	dialer := net.Dialer{Control: func(_, _ string, raw syscall.RawConn) error { return raw.Control(lingerNot) }}
	conn, err := dialer.DialContext(c.ctx, "tcp", c.target)
	if err != nil {
		return
	}
	server := conn.(*net.TCPConn)
	_ = server.SetLinger(-1)
	c.mu.Lock()
	c.server = server
	c.mu.Unlock()
	// The new socket may have come too late for a fault.
	if c.ctx.Err() != nil {
		return
	}
	if c.hungUp.Load() {
		_ = server.CloseWrite()
	}

	var wg sync.WaitGroup
	wg.Go(func() { c.receive(Up, c.client) })
	wg.Go(func() { c.deliver(Up, server) })
	wg.Go(func() { c.receive(Down, server) })
	wg.Go(func() { c.deliver(Down, c.client) })
	wg.Wait()
	if c.ctx.Err() != nil {
		return
	}
	// Both ends have closed in order: the sockets close so too, and cut finds
	// them closed.
	_ = c.client.Close()
	_ = server.Close()
}

// receive reads from src and puts what it reads on the line.
func (c *linkConn) receive(d Direction, src *net.TCPConn) {
	line, queue := c.lines[d], c.queues[d]
	buf := make([]byte, maxChunk)
	for {
		select {
		case <-line.opened():
		case <-c.ctx.Done():
			return
		}
		n, err := src.Read(buf[:line.chunk()])
		if n > 0 {
			free, arrival := line.send(n)
			data := append([]byte(nil), buf[:n]...)
			if !queue.push(chunk{data, arrival}, line.held()) {
				break
			}
			c.sleepUntil(free)
		}
		if errors.Is(err, io.EOF) {
			_, arrival := line.send(0)
			queue.push(chunk{due: arrival}, line.held())
			return
		}
		if err != nil {
			c.cut()
			return
		}
	}
	// Dropped: the line still takes what src sends until src closes, for a
	// socket that is closed with data unread sends RST in place of FIN.
	_, _ = io.Copy(io.Discard, src)
}

// deliver writes to dst what comes off the line.
func (c *linkConn) deliver(d Direction, dst *net.TCPConn) {
	line, queue := c.lines[d], c.queues[d]
	for {
		chunk, ok := queue.pop()
		if !ok || !c.sleepUntil(chunk.due) {
			return
		}
		select {
		case <-line.opened():
		case <-c.ctx.Done():
			return
		}
		if chunk.data == nil {
			_ = dst.CloseWrite()
			return
		}
		n, err := dst.Write(chunk.data)
		line.carried.Add(int64(n))
		if err != nil {
			if !c.hungUp.Load() {
				c.cut()
			}
			return
		}
	}
}

// sleepUntil returns false if the connection ended first.
func (c *linkConn) sleepUntil(t time.Time) bool {
	d := time.Until(t)
	if d <= 0 {
		return c.ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-c.ctx.Done():
		return false
	}
}

// hangUp sends FIN both ways at once and throws away what is under way.
func (c *linkConn) hangUp() {
	c.hungUp.Store(true)
	for _, q := range c.queues {
		q.drop()
	}
	_ = c.client.CloseWrite()
	if server := c.reached(); server != nil {
		_ = server.CloseWrite()
	}
}

// cut resets the connection both ways and ends it.
func (c *linkConn) cut() {
	c.cancel()
	for _, q := range c.queues {
		q.drop()
	}
	reset(c.client)
	if server := c.reached(); server != nil {
		reset(server)
	}
}

func (c *linkConn) reached() *net.TCPConn {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.server
}

// lingerNot makes closing the socket fd send RST in place of FIN.
func lingerNot(fd uintptr) {
	_ = syscall.SetsockoptLinger(int(fd), syscall.SOL_SOCKET, syscall.SO_LINGER, &syscall.Linger{Onoff: 1})
}

// reset closes conn with RST in place of FIN.
func reset(conn *net.TCPConn) {
	_ = conn.SetLinger(0)
	_ = conn.Close()
}

package sftptest

import (
	"context"
	"errors"
	"io"
	"math"
	"sync"
	"testing"
	"time"

	"sftpmount/sftpconn"
)

// window is how much SSH lets a channel have under way each way, in bytes: the
// same in golang.org/x/crypto/ssh and OpenSSH.
const window = 2 << 20

// FarTransport runs a server in this process for each channel, behind a line on
// which nothing but distance takes time: what is sent arrives half a round trip
// later, and of a channel no more than SSH's window is under way each way. All
// is exact in a bubble of testing/synctest. It is closed when t ends.
func FarTransport(t testing.TB, roundTrip time.Duration) sftpconn.Transport {
	transport := &farTransport{delay: roundTrip / 2}
	t.Cleanup(func() { _ = transport.Close() })
	return transport
}

type farTransport struct {
	delay time.Duration // one way

	mu       sync.Mutex
	channels []*farChannel
	closed   bool
}

// OpenChannel takes a round trip for the session and one for its subsystem.
func (t *farTransport) OpenChannel(context.Context) (io.ReadWriteCloser, error) {
	time.Sleep(4 * t.delay)
	server, err := startInProcess()
	if err != nil {
		return nil, err
	}
	c := &farChannel{server: server, up: newFarWay(t.delay), down: newFarWay(t.delay)}
	var replies *io.PipeWriter
	c.PipeReader, replies = io.Pipe()
	c.loops.Go(func() { c.up.deliver(server) })
	c.loops.Go(func() { c.down.deliver(replies) })
	c.loops.Go(c.up.giveBack)
	c.loops.Go(c.down.giveBack)
	c.loops.Go(func() { _, _ = io.Copy(c.down, server) })
	t.mu.Lock()
	t.channels = append(t.channels, c)
	closed := t.closed
	t.mu.Unlock()
	if closed {
		_ = c.Close()
	}
	return c, nil
}

func (t *farTransport) Ping() error {
	time.Sleep(2 * t.delay)
	return nil
}

func (t *farTransport) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	for _, c := range t.channels {
		_ = c.Close()
	}
	return nil
}

// farChannel is the near end of a channel.
type farChannel struct {
	*io.PipeReader // replies that have arrived
	server         *inProcess
	up, down       *farWay
	loops          sync.WaitGroup
}

func (c *farChannel) Write(p []byte) (int, error) { return c.up.Write(p) }

func (c *farChannel) Close() error {
	for _, way := range []*farWay{c.up, c.down} {
		way.under.drop()
		way.window.drop()
	}
	_ = c.PipeReader.Close()
	_ = c.server.Close()
	c.loops.Wait()
	return nil
}

// farWay is one direction of a channel.
type farWay struct {
	delay  time.Duration
	under  *queue // what is on its way
	window *queue // what the receiver has not given back yet
}

func newFarWay(delay time.Duration) *farWay { return &farWay{delay, newQueue(), newQueue()} }

var errFarClosed = errors.New("the channel was closed")

func (w *farWay) Write(p []byte) (int, error) {
	const most = 32 << 10 // of an SSH packet
	for n := 0; n < len(p); n += most {
		part := append([]byte(nil), p[n:min(n+most, len(p))]...)
		if !w.window.push(chunk{part, time.Now().Add(2 * w.delay)}, window) ||
			!w.under.push(chunk{part, time.Now().Add(w.delay)}, math.MaxInt) {
			return n, errFarClosed
		}
	}
	return len(p), nil
}

func (w *farWay) deliver(to io.Writer) {
	for c, ok := w.under.pop(); ok; c, ok = w.under.pop() {
		time.Sleep(time.Until(c.due))
		if _, err := to.Write(c.data); err != nil {
			return
		}
	}
}

func (w *farWay) giveBack() {
	for c, ok := w.window.pop(); ok; c, ok = w.window.pop() {
		time.Sleep(time.Until(c.due))
	}
}

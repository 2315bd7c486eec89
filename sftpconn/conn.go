package sftpconn

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Options adjust a Conn. The zero value means the defaults.
type Options struct {
	// KeepaliveInterval is how long the server may be silent before it is
	// probed (ServerAliveInterval). 0 means 5 s, below 0 never.
	KeepaliveInterval time.Duration

	// KeepaliveCount is how many intervals of silence mean that the peer is
	// dead (ServerAliveCountMax). 0 means 3.
	KeepaliveCount int

	// BulkChannels bounds the channels that carry file data besides the one
	// for metadata. 0 means 9, and 10 for each further connection, which makes
	// the 10 that OpenSSH allows on one by default (MaxSessions); below 0 none:
	// everything goes over one channel.
	BulkChannels int

	// SyncReadDir asks for one part of a listing after the other.
	SyncReadDir bool

	// Quirks are what this server cannot do.
	Quirks Quirks

	// Connections is how many connections the Transport consists of, which
	// its channels take turns on. At least as many channels carry file data.
	// 0 means 1.
	Connections int

	// ChannelIdle is how long a channel for file data stays open that no file
	// uses. 0 means 5 s.
	ChannelIdle time.Duration

	// Logger is told of what the server does wrong. nil means slog.Default().
	Logger *slog.Logger
}

func (o Options) withDefaults() Options {
	if o.KeepaliveInterval == 0 {
		o.KeepaliveInterval = 5 * time.Second
	}
	if o.KeepaliveCount <= 0 {
		o.KeepaliveCount = 3
	}
	if o.BulkChannels == 0 {
		o.BulkChannels = 10*max(o.Connections, 1) - 1
	}
	o.BulkChannels = max(o.BulkChannels, 0)
	if o.ChannelIdle <= 0 {
		o.ChannelIdle = 5 * time.Second
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return o
}

// Conn is an FS on one live connection. It ends as a whole: if any of its
// channels breaks, so does the Conn.
//
// One channel carries metadata and small files. Further ones, opened by need,
// carry file data, so that a long copy does not delay a lookup, and because a
// channel's window (2 MiB in both golang.org/x/crypto/ssh and OpenSSH) bounds
// what it moves in a round trip.
type Conn struct {
	transport Transport
	opts      Options
	server    server
	meta      *channel
	activity  *activity
	listed    atomic.Int64 // bytes that listings under way take

	background sync.WaitGroup
	ending     chan struct{} // closed by the first fail
	done       chan struct{} // closed when every channel has ended

	mu   sync.Mutex
	bulk bulkChannels
	err  error
}

// server is what the server can do.
type server struct {
	ext      extensions
	limits   limits
	noAppend atomic.Bool // it refuses to append
}

var _ Session = (*Conn)(nil)

// New starts SFTP on transport and takes it over, also where it fails. ctx
// bounds the start only.
func New(ctx context.Context, transport Transport, opts Options) (*Conn, error) {
	c := &Conn{
		transport: transport,
		opts:      opts.withDefaults(),
		activity:  newActivity(),
		ending:    make(chan struct{}),
		done:      make(chan struct{}),
	}
	c.bulk = bulkChannels{
		uses:  map[*channel]use{},
		wide:  map[*file]struct{}{},
		grown: sync.NewCond(&c.mu),
		most:  c.allowedBulk(),
	}
	stop := context.AfterFunc(ctx, func() { _ = transport.Close() })
	err := c.start(ctx)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		_ = c.Close()
		if ctx.Err() != nil {
			return nil, fmt.Errorf("starting SFTP: %w", ctx.Err())
		}
		return nil, err
	}
	c.prepare(min(1, c.opts.BulkChannels))
	return c, nil
}

func (c *Conn) start(ctx context.Context) error {
	rwc, err := c.transport.OpenChannel(ctx)
	if err != nil {
		close(c.done)
		return err
	}
	asked := time.Now()
	ch := newChannel(func() (io.ReadWriteCloser, error) { return rwc, nil }, c.activity)
	if err := ch.awaitReady(); err != nil {
		close(c.done)
		return err
	}
	c.meta, c.server.ext = ch, ch.ext
	go c.awaitEnd()
	c.background.Go(func() { c.watch(ch) })
	c.background.Go(c.keepalive)
	if !c.has(extLimits) {
		// This counts the start of a process, until there is a better one.
		c.activity.trip.note(time.Since(asked))
		c.server.limits = defaultLimits
		return nil
	}
	c.server.limits, err = askLimits(ctx, ch)
	return err
}

// awaitEnd closes done when the connection has failed and no channel touches a
// caller's buffer any more.
func (c *Conn) awaitEnd() {
	<-c.ending
	<-c.meta.done
	c.mu.Lock()
	bulk := slices.Concat(c.bulk.open, c.bulk.coming)
	c.mu.Unlock()
	for _, ch := range bulk {
		<-ch.done
	}
	close(c.done)
}

// watch ends the connection when ch ends, unless that is for being idle.
func (c *Conn) watch(ch *channel) {
	select {
	case <-ch.done:
	case <-c.ending:
		ch.fail(c.Err())
		return
	}
	c.mu.Lock()
	idle := ch != c.meta && !slices.Contains(c.bulk.open, ch)
	if idle {
		c.bulk.closing--
	}
	c.mu.Unlock()
	if !idle {
		c.fail(ch.err)
	}
}

// fail ends the connection for the reason err, the first one given.
func (c *Conn) fail(err error) {
	c.mu.Lock()
	if c.err != nil {
		c.mu.Unlock()
		return
	}
	c.err = err
	close(c.ending)
	c.mu.Unlock()
	_ = c.transport.Close()
}

var errClosed = errors.New("closed on this side")

// Close implements [FS].
func (c *Conn) Close() error {
	c.fail(errClosed)
	<-c.done
	c.background.Wait()
	return nil
}

// Done implements [Session].
func (c *Conn) Done() <-chan struct{} { return c.done }

// Err implements [Session].
func (c *Conn) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// goBackground runs task in a goroutine that Close waits for. After the
// connection has ended nothing in it can block, so nobody has to wait.
func (c *Conn) goBackground(task func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.background.Go(task)
	} else {
		go task()
	}
}

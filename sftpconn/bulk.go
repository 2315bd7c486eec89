package sftpconn

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"time"
)

// bulkChannels are the channels for file data. Conn.mu guards them. The first one
// stays for as long as the connection; the others are closed when no file is open
// on them for a while.
type bulkChannels struct {
	open    []*channel
	uses    map[*channel]use
	wide    map[*file]struct{} // files that are open on several
	coming  []*channel         // that are being opened
	closing int                // that were idle, and that the server has not closed yet
	grown   *sync.Cond         // tells that there is one less in coming
	most    int                // that the server allows, as far as is known
	again   time.Time          // when it is asked for more all the same; zero: never
	tidying bool               // a goroutine closes what is idle
	waiting int64              // bytes of files that wait for a channel to be opened ahead on
	closes  closes
}

// use is what a channel is used for.
type use struct {
	handles int
	since   time.Time // the last one was closed
}

// bulkChannel returns the channel that is best for file data: the one with the
// least of it under way. It is kept open until letGo.
func (c *Conn) bulkChannel() *channel {
	c.mu.Lock()
	defer c.mu.Unlock()
	best := c.leastBusy()
	c.hold(best)
	return best
}

// leastBusy returns the bulk channel with the least to do, or the metadata channel
// if there is none. c.mu is held.
func (c *Conn) leastBusy() *channel {
	best := c.meta
	for i, ch := range c.bulk.open {
		if i == 0 || ch.load.total() < best.load.total() {
			best = ch
		}
	}
	return best
}

func (b *bulkChannels) load() (sum int64) {
	for _, ch := range b.open {
		sum += ch.load.total()
	}
	return sum
}

// keep keeps ch open until letGo.
func (c *Conn) keep(ch *channel) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hold(ch)
}

// hold is keep with c.mu held.
func (c *Conn) hold(ch *channel) {
	u := c.bulk.uses[ch]
	u.handles++
	c.bulk.uses[ch] = u
}

// letGo ends what bulkChannel, bulkChannels or keep began.
func (c *Conn) letGo(ch *channel) {
	c.mu.Lock()
	defer c.mu.Unlock()
	u := c.bulk.uses[ch]
	c.bulk.uses[ch] = use{u.handles - 1, time.Now()}
	if u.handles == 1 && !c.bulk.has(ch) {
		delete(c.bulk.uses, ch)
	}
}

// has reports whether ch is a bulk channel that is open, or being opened.
func (b *bulkChannels) has(ch *channel) bool {
	return slices.Contains(b.open, ch) || slices.Contains(b.coming, ch)
}

const (
	// window is what x/crypto/ssh and OpenSSH let a channel have under way
	// each way, in bytes.
	window = 2 << 20

	// fastLine is the rate that the channels together shall be able to carry,
	// in bytes per second.
	fastLine = 250e6
)

// wantedBulk returns how many bulk channels it takes to fill a fast line of the
// connection's round-trip time, and all connections.
func (c *Conn) wantedBulk() int {
	inFlight := c.activity.trip.shortest().Seconds() * fastLine
	return min(max(1+int(inFlight/window), c.opts.Connections), c.opts.BulkChannels)
}

// bulkChannels returns n bulk channels, or as many as the server allows, as far as
// is known. It starts opening those that are missing, and does not wait for them:
// one that cannot be opened fails what is started on it. Each is kept open until
// letGo.
func (c *Conn) bulkChannels(n int) []*channel {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.grow(n)
	channels := slices.Concat(c.bulk.open, c.bulk.coming)
	channels = channels[:min(n, len(channels))]
	for _, ch := range channels {
		c.hold(ch)
	}
	return channels
}

// prepare starts opening bulk channels that are going to be needed, see grow.
func (c *Conn) prepare(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.grow(n)
}

// grow starts opening bulk channels until there are n, or as many as the server
// allows. A server that leaves as many unclosed gets none. c.mu is held.
func (c *Conn) grow(n int) {
	b := &c.bulk
	if n > b.most && !b.again.IsZero() && time.Now().After(b.again) {
		b.most, b.again = min(2*b.most+1, c.allowedBulk()), time.Now().Add(refusalPause)
	}
	for c.err == nil && len(b.open)+len(b.coming) < min(n, b.most) && b.closing < c.opts.BulkChannels {
		ctx, cancel := context.WithTimeout(context.Background(), bulkTimeout)
		ch := newChannel(func() (io.ReadWriteCloser, error) { return c.transport.OpenChannel(ctx) }, c.activity)
		b.coming = append(b.coming, ch)
		c.background.Go(func() {
			defer cancel()
			c.addBulk(ctx, ch)
		})
	}
}

// refusalPause is how long the server is not asked for more channels than it gave:
// it may have refused for a reason that passes.
const refusalPause = time.Minute

// addBulk takes in what becomes of ch, which is being opened until the end of ctx at
// the latest.
func (c *Conn) addBulk(ctx context.Context, ch *channel) {
	err := c.awaitBulk(ctx, ch)
	c.mu.Lock()
	defer c.mu.Unlock()
	b := &c.bulk
	b.coming = slices.DeleteFunc(b.coming, func(other *channel) bool { return other == ch })
	b.grown.Broadcast()
	switch {
	case err != nil:
		b.most = len(b.open)
		b.again = time.Now().Add(refusalPause)
		if errors.Is(err, context.DeadlineExceeded) {
			b.again = time.Time{} // files would wait as long again
		}
		if c.err == nil {
			c.opts.Logger.Debug("the server allows no further channel", "bulk", len(b.open), "err", err)
		}
	case c.err != nil:
		ch.fail(c.err)
	default:
		b.open = append(b.open, ch)
		b.most = max(b.most, len(b.open))
		c.background.Go(func() { c.watch(ch) })
		if len(b.open) > 1 && !b.tidying {
			b.tidying = true
			c.background.Go(c.tidy)
		}
	}
}

// bulkTimeout bounds the start of a bulk channel. Files wait for it that could
// do without; there are servers that accept what they then do not serve.
const bulkTimeout = 15 * time.Second

// awaitBulk waits until ch can be used. If it cannot, it has ended.
func (c *Conn) awaitBulk(ctx context.Context, ch *channel) error {
	select {
	case <-ch.ready:
		return nil
	case <-ch.done:
	case <-ctx.Done():
		ch.fail(ctx.Err())
	case <-c.ending:
		ch.fail(c.Err())
	}
	return ch.err
}

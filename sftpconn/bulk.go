package sftpconn

import (
	"context"
	"slices"
)

// bulkChannel returns the channel that is best for file data: the one with the
// least of it under way.
func (c *Conn) bulkChannel() *channel {
	c.mu.Lock()
	defer c.mu.Unlock()
	best := c.meta
	for i, ch := range c.bulk {
		if i == 0 || ch.inFlight.Load() < best.inFlight.Load() {
			best = ch
		}
	}
	return best
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
	inFlight := c.roundTrip.Seconds() * fastLine
	return min(max(1+int(inFlight/window), c.opts.Connections), c.opts.BulkChannels)
}

// bulkChannels returns n bulk channels, or as many as the server allows. It
// opens those that are missing, and returns when they are there.
func (c *Conn) bulkChannels(n int) []*channel {
	c.mu.Lock()
	for c.err == nil && !c.refused && len(c.bulk)+c.opening < n {
		c.opening++
		c.background.Go(c.addBulk)
	}
	for c.opening > 0 {
		c.grown.Wait()
	}
	defer c.mu.Unlock()
	return slices.Clone(c.bulk[:min(n, len(c.bulk))])
}

func (c *Conn) addBulk() {
	ch, err := c.openBulk()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.opening--
	c.grown.Broadcast()
	switch {
	case err != nil:
		c.refused = true
		if c.err == nil {
			c.opts.Logger.Debug("the server allows no further channel", "bulk", len(c.bulk), "err", err)
		}
	case c.err != nil:
		ch.fail(c.err)
	default:
		c.bulk = append(c.bulk, ch)
		c.background.Go(func() { c.watch(ch) })
	}
}

func (c *Conn) openBulk() (*channel, error) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() { // ends with openBulk
		select {
		case <-c.ending:
			cancel()
		case <-ctx.Done():
		}
	}()
	rwc, err := c.transport.OpenChannel(ctx)
	if err != nil {
		return nil, err
	}
	ch, _, err := newChannel(rwc, c.activity)
	if err != nil {
		go closeQuietly(rwc)
		return nil, err
	}
	return ch, nil
}

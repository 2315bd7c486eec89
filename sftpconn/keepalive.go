package sftpconn

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// activity tells how long the server has been silent, by a clock that does not
// jump, how far away it is, and how it gives out handles.
type activity struct {
	start  time.Time
	last   atomic.Int64 // nanoseconds from start to the last sign of life
	trip   roundTrip
	manner atomic.Int32
}

func newActivity() *activity { return &activity{start: time.Now()} }

func (a *activity) touch() { a.last.Store(int64(time.Since(a.start))) }

func (a *activity) silence() time.Duration { return time.Since(a.start) - time.Duration(a.last.Load()) }

// keepalive finds a dead peer: after an interval of silence it probes the
// server, and after KeepaliveCount of them it ends the connection. The probe
// runs beside the clock, because it blocks for as long as the link is stuck.
func (c *Conn) keepalive() {
	interval := c.opts.KeepaliveInterval
	if interval < 0 {
		return
	}
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	var probe chan error
	var alone atomic.Bool // the SFTP server is
	for {
		select {
		case <-c.ending:
			return
		case err := <-probe:
			probe = nil
			if err != nil {
				c.fail(fmt.Errorf("probing the server: %w", err))
				return
			}
			c.activity.touch()
		case <-ticker.C:
			silence := c.activity.silence()
			if silence < interval {
				continue
			}
			if probe == nil {
				answer := make(chan error, 1)
				probe = answer
				// Ping ends at the latest when the transport is closed.
				go func() { answer <- c.ping(&alone) }()
				continue
			}
			patience := time.Duration(c.opts.KeepaliveCount) * interval
			if alone.Load() {
				patience *= serverPatience
			}
			if silence >= patience {
				c.fail(fmt.Errorf("the server has not answered for %v", silence.Round(time.Second)))
				return
			}
		}
	}
}

// serverPatience is how many times longer an SFTP server may be silent that has
// nobody to answer for it. It handles one request of a channel after the other,
// and some take their time on a busy disk.
const serverPatience = 4

// ping makes a round trip. Where the transport cannot, it asks the SFTP server,
// and sets alone.
func (c *Conn) ping(alone *atomic.Bool) error {
	begin := time.Now()
	err := c.transport.Ping()
	if err == nil {
		c.activity.trip.note(time.Since(begin))
	}
	if !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	alone.Store(true)
	_, err = c.Stat(context.Background(), "/") // the end of the connection ends it
	if _, answered := errors.AsType[*StatusError](err); answered {
		return nil
	}
	return err
}

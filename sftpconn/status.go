package sftpconn

import (
	"maps"
	"slices"
	"time"
)

// Status is a snapshot of a Conn.
type Status struct {
	Extensions []string      // that the server announced, sorted
	MaxRead    int           // largest READ that the server takes, in bytes
	MaxWrite   int           // and WRITE
	RoundTrip  time.Duration // to the server and back, the shortest of the last half minute
	Channels   int           // that are open
	InFlight   int64         // bytes of file data that are asked for or sent, and not acknowledged
	Silence    time.Duration // since the server last said anything
}

// Status tells how the connection is. It never waits for the server.
func (c *Conn) Status() Status {
	s := Status{
		Extensions: slices.Sorted(maps.Keys(c.server.ext)),
		MaxRead:    c.server.limits.read,
		MaxWrite:   c.server.limits.write,
		RoundTrip:  c.activity.trip.shortest(),
		Channels:   1,
		InFlight:   c.meta.load.inFlight.Load(),
		Silence:    c.activity.silence(),
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	s.Channels += len(c.bulk.open)
	for _, ch := range c.bulk.open {
		s.InFlight += ch.load.inFlight.Load()
	}
	return s
}

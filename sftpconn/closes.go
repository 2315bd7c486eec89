package sftpconn

import (
	"context"
	"errors"
	"slices"
)

// closes are the CLOSE requests under way on bulk channels, the oldest first.
// They are guarded by Conn.mu.
type closes []*call

func (c *Conn) addClose(call *call) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.bulk.closes) > 0 && c.bulk.closes[0].isDone() {
		c.bulk.closes = c.bulk.closes[1:]
	}
	c.bulk.closes = append(c.bulk.closes, call)
}

// onceClosed does what changes a name on the metadata channel. Some servers
// refuse that while the file is open: if it was about to be closed on another
// channel, it is done again after that.
func (c *Conn) onceClosed(ctx context.Context, do func() error, paths ...string) error {
	c.mu.Lock()
	var under []*call
	for _, call := range c.bulk.closes {
		if slices.Contains(paths, call.path) && !call.isDone() {
			under = append(under, call)
		}
	}
	c.mu.Unlock()
	err := do()
	if _, refused := errors.AsType[*StatusError](err); !refused || len(under) == 0 {
		return err
	}
	for _, call := range under {
		if err := call.wait(ctx); err != nil {
			return err
		}
	}
	return do()
}

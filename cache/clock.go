package cache

import (
	"sync/atomic"
	"time"
)

// clock is the server's, as far as it shows in the times of files that were just
// made.
type clock struct{ ahead atomic.Int64 } // of ours, in seconds

// sameTime is by how much the clocks may seem to differ without doing so, in
// seconds: SFTP carries whole ones, and an answer takes a while.
const sameTime = 2

// learn takes in the time of a file that was made just now.
func (c *clock) learn(mtime uint32) {
	ahead := int64(mtime) - time.Now().Unix()
	if ahead >= -sameTime && ahead <= sameTime {
		ahead = 0
	}
	c.ahead.Store(ahead)
}

// now is the time that the server gives to what is changed now, about.
func (c *clock) now() uint32 { return uint32(time.Now().Unix() + c.ahead.Load()) }

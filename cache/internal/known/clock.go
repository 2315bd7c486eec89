package known

import (
	"sync/atomic"
	"time"
)

// Clock is the server's, as far as it shows in the times of files that were just
// made.
type Clock struct{ ahead atomic.Int64 } // of ours, in seconds

// sameTime is by how much the clocks may seem to differ without doing so, in
// seconds: SFTP carries whole ones, and an answer takes a while.
const sameTime = 2

// Learn takes in the time of a file that was made just now.
func (c *Clock) Learn(mtime uint32) {
	ahead := int64(mtime) - time.Now().Unix()
	if ahead >= -sameTime && ahead <= sameTime {
		ahead = 0
	}
	c.ahead.Store(ahead)
}

// Now is the time that the server gives to what is changed now, about.
func (c *Clock) Now() uint32 { return uint32(time.Now().Unix() + c.ahead.Load()) }

// SureAge is how old an mtime must be to tell one content of a file from the next:
// SFTP's clock ticks in seconds.
const SureAge = 2 * time.Second

// IsSure reports whether at the time taken, a file was changed last long enough ago
// that a later change shows in its attributes.
func IsSure(taken time.Time, mtime uint32) bool {
	return taken.Sub(time.Unix(int64(mtime), 0)) > SureAge
}

package sftpconn

import (
	"sync"
	"time"
)

// roundTripPeriod is how long a measured round trip counts, at least; at most twice
// as long. The machine may have gone elsewhere since.
const roundTripPeriod = 30 * time.Second

// roundTrip is the shortest way to the server and back that was measured lately:
// longer ones had to wait for something.
type roundTrip struct {
	mu              sync.Mutex
	current, before time.Duration // in this period and in the one before; 0: none
	since           time.Time     // this period's begin
}

// note takes in a round trip that has just ended.
func (r *roundTrip) note(took time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	switch age := now.Sub(r.since); {
	case age > 2*roundTripPeriod:
		r.current, r.before, r.since = took, 0, now
	case age > roundTripPeriod:
		r.current, r.before, r.since = took, r.current, now
	default:
		r.current = min(r.current, took)
	}
}

// shortest returns 0 if none was measured.
func (r *roundTrip) shortest() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.before > 0 {
		return min(r.current, r.before)
	}
	return r.current
}

package sftptest

import (
	"sync"
	"sync/atomic"
	"time"
)

// Direction is a way through a Link.
type Direction int

// The two ways.
const (
	Up   Direction = iota // from the client to the server
	Down                  // from the server to the client
)

func (d Direction) String() string {
	if d == Up {
		return "up"
	}
	return "down"
}

const (
	maxChunk = 256 << 10
	minChunk = 4 << 10

	// rateBurst is how much unused time a line may make up for: a sleep that
	// ends late must not cost rate.
	rateBurst = 2 * time.Millisecond

	// heldIdle and heldDelayed bound what one pipe holds where no rate says
	// how much fits into the line.
	heldIdle    = 4 << 20
	heldDelayed = 64 << 20
)

// line is one direction of a Link. All connections share it.
type line struct {
	delay   atomic.Int64 // one way, in nanoseconds
	rate    atomic.Int64 // bytes per second, 0 for no limit
	carried atomic.Int64 // bytes delivered

	mu   sync.Mutex
	free time.Time     // when the last byte taken will have been sent
	open chan struct{} // closed while the line carries data
}

func newLine() *line {
	l := &line{open: make(chan struct{})}
	close(l.open)
	return l
}

// stall makes opened return a channel that is not ready.
func (l *line) stall() {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-l.open:
		l.open = make(chan struct{})
	default:
	}
}

func (l *line) resume() {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-l.open:
	default:
		close(l.open)
	}
}

// opened is closed while the line is not stalled.
func (l *line) opened() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.open
}

// chunk is how many bytes to read at a time: no more than pass in a
// millisecond, since a chunk arrives as a whole.
func (l *line) chunk() int {
	rate := l.rate.Load()
	if rate == 0 {
		return maxChunk
	}
	return int(min(max(rate/1000, minChunk), maxChunk))
}

// held is how many bytes a pipe may hold: what fits into the line, and a
// router's buffer.
func (l *line) held() int {
	delay, rate := time.Duration(l.delay.Load()), l.rate.Load()
	switch {
	case delay == 0:
		return heldIdle
	case rate == 0:
		return heldDelayed
	default:
		return heldIdle + int(2*delay.Seconds()*float64(rate))
	}
}

// send takes n bytes, and says when the line can take more and when these
// arrive.
func (l *line) send(n int) (free, arrival time.Time) {
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	if earliest := now.Add(-rateBurst); l.free.Before(earliest) {
		l.free = earliest
	}
	if rate := l.rate.Load(); rate > 0 {
		l.free = l.free.Add(time.Duration(float64(n) / float64(rate) * float64(time.Second)))
	}
	arrival = l.free
	if arrival.Before(now) {
		arrival = now
	}
	return l.free, arrival.Add(time.Duration(l.delay.Load()))
}

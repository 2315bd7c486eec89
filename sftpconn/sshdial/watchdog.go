package sshdial

import (
	"sync"
	"time"
)

// aLongTimeAgo is a deadline that has passed.
var aLongTimeAgo = time.Unix(1, 0)

// watchdog calls a function once the server has been silent for too long. It
// does not count the time in which the user or the agent has the word.
type watchdog struct {
	bark func()

	mu      sync.Mutex
	limit   time.Duration
	timer   *time.Timer // nil while paused
	turn    int         // counts timers, to tell one that fires as it is stopped
	expired bool
	stopped bool
}

func newWatchdog(limit time.Duration, bark func()) *watchdog {
	w := &watchdog{bark: bark, limit: limit}
	w.resume()
	return w
}

// pause stops counting until resume.
func (w *watchdog) pause() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.disarm()
}

// resume counts from the beginning.
func (w *watchdog) resume() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.disarm()
	if w.stopped {
		return
	}
	turn := w.turn
	w.timer = time.AfterFunc(w.limit, func() { w.expire(turn) })
}

// allow changes the limit and counts from the beginning.
func (w *watchdog) allow(limit time.Duration) {
	w.mu.Lock()
	w.limit = limit
	w.mu.Unlock()
	w.resume()
}

// stop ends the watchdog and reports whether it had barked.
func (w *watchdog) stop() (expired bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.disarm()
	w.stopped = true
	return w.expired
}

// disarm needs w.mu.
func (w *watchdog) disarm() {
	w.turn++
	if w.timer != nil {
		w.timer.Stop()
		w.timer = nil
	}
}

func (w *watchdog) expire(turn int) {
	w.mu.Lock()
	due := turn == w.turn
	w.expired = w.expired || due
	w.mu.Unlock()
	if due {
		w.bark()
	}
}

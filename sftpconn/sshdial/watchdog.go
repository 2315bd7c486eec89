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
	expired bool
	stopped bool
}

func newWatchdog(limit time.Duration, bark func()) *watchdog {
	w := &watchdog{bark: bark, limit: limit}
	w.resume()
	return w
}

func (w *watchdog) expire() {
	w.mu.Lock()
	if w.timer == nil || w.stopped {
		w.mu.Unlock()
		return
	}
	w.expired = true
	w.mu.Unlock()
	w.bark()
}

// pause stops counting until resume.
func (w *watchdog) pause() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.timer != nil {
		w.timer.Stop()
		w.timer = nil
	}
}

// resume counts from the beginning.
func (w *watchdog) resume() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.timer != nil {
		w.timer.Stop()
	}
	if !w.stopped {
		w.timer = time.AfterFunc(w.limit, w.expire)
	}
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
	w.pause()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stopped = true
	return w.expired
}

package integration

import (
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience is how long a test may use a mount.
const patience = 2 * time.Minute

// watchdog ends a mount that outlives its deadline. Whatever waits for the
// mount then fails: programs, and the system calls of the tests themselves,
// which nothing else could end.
type watchdog struct {
	m     *mount
	timer *time.Timer
	once  sync.Once
}

func watch(m *mount) *watchdog {
	w := &watchdog{m: m}
	w.timer = time.AfterFunc(patience+soak(), func() { w.bark("the mount was not done in time") })
	return w
}

func (w *watchdog) stop() { w.timer.Stop() }

// bark fails the test, and shows what the program was doing.
func (w *watchdog) bark(why string) {
	w.m.t.Errorf("%s: %s", w.m.dir, why)
	w.abort()
}

// abort ends the program and its mount. The program's goroutines are printed
// to its log first.
func (w *watchdog) abort() {
	w.once.Do(func() {
		_ = w.m.process.Signal(syscall.SIGQUIT)
		select {
		case <-w.m.ended:
		case <-time.After(3 * time.Second):
			_ = w.m.process.Kill()
		}
		// The kernel ends all requests when the program is gone. It is not,
		// if it waits for its own mount.
		_ = detach(w.m.dir)
	})
}

// guard fails the test if do takes longer than the deadline, and ends the mount
// so that do returns.
func (m *mount) guard(t testing.TB, deadline time.Duration, what string, do func()) {
	t.Helper()
	timer := time.AfterFunc(deadline, func() { m.watchdog.bark(what + " took longer than " + deadline.String()) })
	defer timer.Stop()
	do()
}

package reconnect

import (
	"log/slog"
	"time"
)

// Options adjust an FS. The zero value means the defaults.
type Options struct {
	// Timeout is how long the connection may be down before operations fail
	// with ETIMEDOUT: those that wait by then, and new ones at once. They
	// work again when the connection is back. 0 means 60 s.
	Timeout time.Duration

	// Delay leaves the first connection until an operation needs it.
	Delay bool

	// Hard makes operations wait for as long as it takes.
	Hard bool

	// Disabled means that the first connection is the only one: when it ends,
	// every operation fails with EIO.
	Disabled bool

	// Permanent reports whether trying again soon cannot help after err, an
	// error of dial, or does harm: a refused login, say, since servers lock
	// out who insists. The next attempt then comes after BackoffMax, and
	// nothing brings it forward. nil means that no error is permanent.
	Permanent func(err error) bool

	// BackoffInitial and BackoffMax are the pauses after the first failed
	// attempt and the longest, give or take half. They grow by half each
	// time. 0 means 250 ms and 15 s.
	BackoffInitial time.Duration
	BackoffMax     time.Duration

	// DialTimeout bounds the attempts after a drop, the earlier ones more
	// tightly. 0 means 30 s.
	DialTimeout time.Duration

	// OnReopen is called when a file was opened again after a drop and its
	// size or modification time is not the one that was last known here. That
	// may be due to what was written through this FS just before. What was
	// read from path earlier may no longer be true. It is called before
	// anything is read from the new handle, without a lock held, from the
	// goroutine of some operation on the file, which waits for it.
	OnReopen func(path string)

	// OnLoss is called when a file was opened again after a drop and is shorter,
	// by some bytes, than what the server had acknowledged of it and was not
	// asked to sync: it has lost that. It is called as OnReopen is, and after it.
	OnLoss func(path string, bytes int64)

	// NetworkChanges delivers a value when the local network may have
	// changed: the connection is then probed, or made anew at once. nil means
	// that the FS asks the kernel, where it knows how to.
	NetworkChanges <-chan struct{}

	// Logger is told of drops, attempts and files that could not be opened
	// again. nil means slog.Default().
	Logger *slog.Logger
}

func (o Options) withDefaults() Options {
	if o.Timeout <= 0 {
		o.Timeout = 60 * time.Second
	}
	if o.BackoffInitial <= 0 {
		o.BackoffInitial = 250 * time.Millisecond
	}
	if o.BackoffMax <= 0 {
		o.BackoffMax = 15 * time.Second
	}
	if o.DialTimeout <= 0 {
		o.DialTimeout = 30 * time.Second
	}
	if o.Permanent == nil {
		o.Permanent = func(error) bool { return false }
	}
	if o.OnReopen == nil {
		o.OnReopen = func(string) {}
	}
	if o.OnLoss == nil {
		o.OnLoss = func(string, int64) {}
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return o
}

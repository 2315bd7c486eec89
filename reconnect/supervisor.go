package reconnect

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"syscall"
	"time"

	"github.com/cenkalti/backoff/v5"

	"sftpmount/sftpconn"
)

// link is a connection with its number. The first one has number 1.
type link struct {
	sftpconn.Session
	number int
}

func (l *link) ended() bool {
	select {
	case <-l.Done():
		return true
	default:
		return false
	}
}

// supervisor owns the connection: connecting -> up -> waiting -> connecting ...
// -> closed. With Options.Delay it begins asleep -> waiting. Its goroutine, run, is
// the only one that dials.
type supervisor struct {
	dial   func(context.Context) (sftpconn.Session, error)
	opts   Options
	log    *slog.Logger
	pace   backoff.ExponentialBackOff // of run alone
	wakes  chan string                // reasons to look after the connection now
	needed chan struct{}              // closed when asleep ends
	cancel context.CancelFunc
	owned  sync.WaitGroup // run and what watches for wakes

	mu      sync.Mutex
	status  Status
	waiting int           // operations that wait for a connection
	link    *link         // nil unless status.State is Up
	changed chan struct{} // closed and replaced when status.State changes
}

// start takes over session, the first connection; nil if that is yet to come.
func start(dial func(context.Context) (sftpconn.Session, error), session sftpconn.Session, opts Options) *supervisor {
	ctx, cancel := context.WithCancel(context.Background())
	s := &supervisor{
		dial: dial,
		opts: opts,
		log:  opts.Logger,
		pace: backoff.ExponentialBackOff{
			InitialInterval:     opts.BackoffInitial,
			MaxInterval:         opts.BackoffMax,
			Multiplier:          backoff.DefaultMultiplier,
			RandomizationFactor: backoff.DefaultRandomizationFactor,
		},
		wakes:   make(chan string, 1),
		needed:  make(chan struct{}),
		cancel:  cancel,
		changed: make(chan struct{}),
	}
	if session != nil {
		s.setUp(session)
	} else {
		s.status = Status{State: Asleep, Since: time.Now()}
	}
	s.owned.Go(func() { s.run(ctx, session) })
	s.owned.Go(func() { s.watchWakes(ctx) })
	return s
}

// close ends the connection and returns when nothing of s is left.
func (s *supervisor) close() {
	s.cancel()
	s.owned.Wait()
}

// steady is how long a connection must have lasted for the next one to be made
// at once when it ends. A server that accepts and then hangs up is not hurried.
const steady = time.Second

func (s *supervisor) run(ctx context.Context, session sftpconn.Session) {
	if session == nil {
		if session = s.sleep(ctx); session == nil {
			s.setDown(Closed, errClosed)
			return
		}
	}
	for {
		born := time.Now()
		s.guard(ctx, session)
		if ctx.Err() != nil {
			s.setDown(Closed, errClosed)
			return
		}
		err := session.Err()
		if s.opts.Disabled {
			s.log.Error("the connection to the server was lost, and reconnecting is off", "err", err)
			s.setDown(Closed, err)
			s.cancel()
			return
		}
		s.log.Warn("the connection to the server was lost", "err", err, "after", rounded(time.Since(born)))
		s.setDown(Waiting, err)
		if session = s.redial(ctx, time.Since(born)); session == nil {
			s.setDown(Closed, errClosed)
			return
		}
	}
}

// sleep makes the first connection when an operation needs one. It returns nil
// when ctx ends.
func (s *supervisor) sleep(ctx context.Context) sftpconn.Session {
	select {
	case <-s.needed:
		return s.redial(ctx, steady)
	case <-ctx.Done():
		return nil
	}
}

// guard returns when session has ended, which it sees to when ctx ends.
func (s *supervisor) guard(ctx context.Context, session sftpconn.Session) {
	for {
		select {
		case <-session.Done():
			return
		case <-ctx.Done():
			_ = session.Close()
			return
		case reason := <-s.wakes:
			s.probe(ctx, session, reason)
		}
	}
}

// probeTimeout is how long a connection that is in doubt may take to answer.
const probeTimeout = 5 * time.Second

// probe closes session if it does not answer. A connection whose network went
// away is silent, and keepalive would find that out only later.
func (s *supervisor) probe(ctx context.Context, session sftpconn.Session, reason string) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	_, _ = session.Lstat(ctx, "/")
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		s.log.Warn("the server does not answer", "since", reason)
		_ = session.Close()
	}
}

// acquire returns the current connection if its number is above after, or waits
// for such a one: until it has been down for Options.Timeout, until ctx ends, or
// until the program gets a signal.
func (s *supervisor) acquire(ctx context.Context, after int) (*link, error) {
	for {
		l, changed, patience, err := s.next(after)
		if l != nil || err != nil {
			return l, err
		}
		if err := s.await(ctx, changed, patience); err != nil {
			return nil, err
		}
	}
}

// next returns a connection above after, or the error that says that there is
// no use in waiting for one, or else what to wait for and for how long.
func (s *supervisor) next(after int) (*link, <-chan struct{}, time.Duration, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch s.status.State {
	case Up:
		if s.link.number > after && !s.link.ended() {
			return s.link, nil, 0, nil
		}
		// It has ended, and run is about to notice.
		return nil, s.changed, s.opts.Timeout, nil
	case Closed:
		if s.opts.Disabled && !errors.Is(s.status.LastError, errClosed) {
			return nil, nil, 0, fmt.Errorf("%w: the connection was lost, and reconnecting is off", syscall.EIO)
		}
		return nil, nil, 0, errClosed
	case Asleep:
		s.status.State, s.status.Since = Waiting, time.Now()
		close(s.needed)
	}
	left := s.opts.Timeout - time.Since(s.status.Since)
	if left <= 0 && !s.opts.Hard {
		return nil, nil, 0, s.timedOut()
	}
	return nil, s.changed, left, nil
}

// await waits until the state has changed, for at most patience.
func (s *supervisor) await(ctx context.Context, changed <-chan struct{}, patience time.Duration) error {
	s.countWaiting(1)
	defer s.countWaiting(-1)
	var expired <-chan time.Time
	if !s.opts.Hard {
		timer := time.NewTimer(patience)
		defer timer.Stop()
		expired = timer.C
	}
	select {
	case <-changed:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-sftpconn.Interrupt(ctx):
		return syscall.EINTR
	case <-expired:
		return s.timedOut()
	}
}

// countWaiting counts the operations that wait. The first one hurries run.
func (s *supervisor) countWaiting(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting += n
	if n > 0 && s.waiting == n && s.status.State == Waiting {
		s.wake("an operation waits for the connection")
	}
}

// hurried reports whether operations wait for a connection.
func (s *supervisor) hurried() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.waiting > 0
}

func (s *supervisor) timedOut() error {
	return fmt.Errorf("%w: no connection to the server for %v", syscall.ETIMEDOUT, s.opts.Timeout)
}

func (s *supervisor) setUp(session sftpconn.Session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.link = &link{session, s.status.Connection + 1}
	s.status = Status{
		State: Up, Since: time.Now(), Connection: s.link.number,
		LastError: s.status.LastError, FailedAt: s.status.FailedAt,
	}
	s.broadcast()
}

// setDown notes that there is no connection, for the reason err if that is new.
func (s *supervisor) setDown(state State, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.link != nil {
		s.link = nil
		s.status.Since = time.Now()
	}
	s.status.State = state
	s.status.Next = time.Time{}
	if err != nil {
		s.status.LastError, s.status.FailedAt = err, time.Now()
	}
	s.broadcast()
}

// setNext notes when the next attempt begins.
func (s *supervisor) setNext(at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status.Next = at
}

// broadcast is called with s.mu held.
func (s *supervisor) broadcast() {
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *supervisor) snapshot() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.status
}

// rounded makes a duration readable in a log.
func rounded(d time.Duration) time.Duration { return d.Round(10 * time.Millisecond) }

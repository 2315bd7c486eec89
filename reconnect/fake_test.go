package reconnect

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sftpmount/sftpconn"
)

var errCut = errors.New("cut")

// fakeSession is a connection without a server. Only Lstat works on it, by
// the function given.
type fakeSession struct {
	sftpconn.FS
	lstat func(ctx context.Context) error
	once  sync.Once
	done  chan struct{}
}

func newFakeSession() *fakeSession {
	return &fakeSession{done: make(chan struct{}), lstat: func(context.Context) error { return nil }}
}

func (s *fakeSession) Lstat(ctx context.Context, _ string) (sftpconn.Attr, error) {
	if (&link{Session: s}).ended() {
		return sftpconn.Attr{}, sftpconn.ErrNotSent
	}
	return sftpconn.Attr{}, s.lstat(ctx)
}

func (s *fakeSession) Done() <-chan struct{} { return s.done }
func (s *fakeSession) Err() error            { return errCut }

func (s *fakeSession) Close() error {
	s.cut()
	return nil
}

func (s *fakeSession) cut() { s.once.Do(func() { close(s.done) }) }

// silent is an answer that never comes.
func (s *fakeSession) silent(ctx context.Context) error {
	select {
	case <-s.done:
		return sftpconn.ErrLost
	case <-ctx.Done():
		return ctx.Err()
	}
}

// fakeServer is what a test dials. It refuses while err is set.
type fakeServer struct {
	t       *testing.T
	dialing atomic.Int32

	mu       sync.Mutex
	err      error
	hang     bool // dialling lasts until its context ends
	sessions []*fakeSession
	attempts []time.Time
}

func (s *fakeServer) dial(ctx context.Context) (sftpconn.Session, error) {
	assert.EqualValues(s.t, 1, s.dialing.Add(1), "two dialers")
	defer s.dialing.Add(-1)
	s.mu.Lock()
	s.attempts = append(s.attempts, time.Now())
	err, hang := s.err, s.hang
	session := newFakeSession()
	if err == nil && !hang {
		s.sessions = append(s.sessions, session)
	}
	s.mu.Unlock()
	switch {
	case hang:
		<-ctx.Done()
		return nil, ctx.Err()
	case err != nil:
		time.Sleep(time.Millisecond) // so that two dialers would be seen
		return nil, err
	}
	return session, nil
}

func (s *fakeServer) set(err error, hang bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err, s.hang = err, hang
}

func (s *fakeServer) current() *fakeSession {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sessions[len(s.sessions)-1]
}

// since returns when attempts were made after t.
func (s *fakeServer) since(t time.Time) []time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []time.Duration
	for _, a := range s.attempts {
		if a.After(t) || a.Equal(t) {
			list = append(list, a.Sub(t))
		}
	}
	return list
}

// newFake returns an FS on a fakeServer, inside a synctest bubble.
func newFake(t *testing.T, opts Options) (*FS, *fakeServer) {
	t.Helper()
	server := &fakeServer{t: t}
	if opts.NetworkChanges == nil {
		opts.NetworkChanges = make(chan struct{}) // a socket would hold the bubble's time
	}
	opts.Logger = slog.New(slog.DiscardHandler)
	f, err := New(context.Background(), server.dial, opts)
	require.NoError(t, err)
	t.Cleanup(func() { _ = f.Close() })
	return f, server
}

// stat is some operation.
func stat(ctx context.Context, f *FS) error {
	_, err := f.Lstat(ctx, "/")
	return err
}

package reconnect

import (
	"context"
	"errors"
	"strings"
	"time"
	"unicode"

	"sftpmount/sftpconn"
)

// redial makes the next connection, after one that lasted for the time given.
// It returns nil when ctx ends.
func (s *supervisor) redial(ctx context.Context, lasted time.Duration) sftpconn.Session {
	var pause time.Duration
	flapping := lasted < steady
	if flapping {
		pause = min(s.pace.NextBackOff(), flappingPause)
	} else {
		s.pace.Reset()
	}
	failed := complaints{s: s}
	for patience := firstPatience; ; patience *= 2 {
		if !s.rest(ctx, pause, flapping || failed.permanent) {
			return nil
		}
		flapping = false
		s.setDown(Connecting, nil)
		session, err := s.attempt(ctx, min(patience, s.opts.DialTimeout))
		if err == nil {
			return s.welcome(session)
		}
		if ctx.Err() != nil {
			return nil
		}
		pause = s.pace.NextBackOff()
		switch {
		case errors.Is(err, errNetworkChanged):
			pause = minGap
		case s.opts.Permanent(err):
			pause = max(pause, s.opts.BackoffMax)
		case s.hurried():
			pause = min(pause, hurriedPause)
		}
		s.noteFailure(err)
		failed.add(err, pause)
	}
}

const (
	// firstPatience is how long the first attempt may take; each further one
	// may take twice as long. An attempt that began while the link was silent
	// may never get an answer, though the link is back.
	firstPatience = 5 * time.Second

	// flappingPause is the longest pause after a connection that ended as soon
	// as it was made.
	flappingPause = 4 * time.Second

	// hurriedPause is the longest pause while operations wait.
	hurriedPause = time.Second
)

// minGap is the least time between attempts that a change of the network brings
// forward. Changes come in flocks.
const minGap = 500 * time.Millisecond

// rest waits for pause or, unless it is a penance, for a reason to try at once.
// It returns false when ctx ends.
func (s *supervisor) rest(ctx context.Context, pause time.Duration, penance bool) bool {
	begun := time.Now()
	s.setNext(begun.Add(pause))
	timer := time.NewTimer(pause)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-timer.C:
			return ctx.Err() == nil
		case reason := <-s.wakes:
			if penance {
				continue
			}
			s.log.Debug("trying to reconnect early", "since", reason)
			pause = min(pause, minGap)
			s.setNext(begun.Add(pause))
			timer.Reset(pause - time.Since(begun))
		}
	}
}

// hangPatience is how long an attempt may go on after the network changed under
// it, before it is given up for a new one.
const hangPatience = 5 * time.Second

var errNetworkChanged = errors.New("the network changed during the attempt")

// attempt dials once, for as long as patience. It never leaves a dial behind.
func (s *supervisor) attempt(ctx context.Context, patience time.Duration) (sftpconn.Session, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	type result struct {
		session sftpconn.Session
		err     error
	}
	results := make(chan result, 1)
	go func() { // awaited below
		session, err := s.dial(ctx)
		results <- result{session, err}
	}()
	var hanging <-chan time.Time
	changed := false
	for {
		select {
		case r := <-results:
			if r.err != nil && changed {
				return nil, errNetworkChanged
			}
			return r.session, r.err
		case <-s.wakes:
			if hanging == nil {
				hanging = time.After(hangPatience)
			}
		case <-hanging:
			changed = true
			cancel()
		}
	}
}

func (s *supervisor) noteFailure(err error) {
	s.mu.Lock()
	s.status.Attempts++
	s.mu.Unlock()
	s.setDown(Waiting, err)
}

// welcome puts a new connection into service.
func (s *supervisor) welcome(session sftpconn.Session) sftpconn.Session {
	before := s.snapshot()
	s.setUp(session)
	message := "connected to the server again"
	if before.Connection == 0 {
		message = "connected to the server"
	}
	s.log.Info(message,
		"down", rounded(time.Since(before.Since)), "attempts", before.Attempts+1)
	return session
}

// complaints logs failed attempts: each new reason at once, the same one again
// once a minute.
type complaints struct {
	s         *supervisor
	reason    string
	last      time.Time
	permanent bool // the last failure was
}

func (c *complaints) add(err error, pause time.Duration) {
	c.permanent = c.s.opts.Permanent(err)
	level := c.s.log.Debug
	if reason := withoutDigits(err.Error()); reason != c.reason || time.Since(c.last) >= time.Minute {
		level = c.s.log.Warn
		c.reason, c.last = reason, time.Now()
	}
	message := "could not reconnect to the server"
	if c.permanent {
		message = "could not reconnect to the server, and trying again soon cannot help"
	}
	level(message, "err", err, "next attempt in", rounded(pause))
}

// withoutDigits makes reasons equal that differ in numbers only, such as the
// local port, which is another one each time.
func withoutDigits(reason string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsDigit(r) {
			return -1
		}
		return r
	}, reason)
}

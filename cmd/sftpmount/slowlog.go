package main

import (
	"log/slog"
	"math"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"sftpmount/cmd/sftpmount/internal/stats"
	"sftpmount/fusefs"
)

// A slowLog is a fusefs.Observer that logs requests that took long, and those
// that have been running for long: they may never end.
type slowLog struct {
	limit   time.Duration
	counted *stats.Recorder // knows what runs
	log     *slog.Logger

	quit     chan struct{}
	watching sync.WaitGroup
}

// newSlowLog must be closed in the end.
func newSlowLog(limit time.Duration, counted *stats.Recorder, log *slog.Logger) *slowLog {
	s := &slowLog{limit: limit, counted: counted, log: log, quit: make(chan struct{})}
	s.watching.Go(s.watch)
	return s
}

func (s *slowLog) close() {
	close(s.quit)
	s.watching.Wait()
}

// watch logs each request that runs for long once.
func (s *slowLog) watch() {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	logged := map[*fusefs.Request]bool{}
	for {
		select {
		case <-s.quit:
			return
		case <-ticker.C:
		}
		running := map[*fusefs.Request]bool{}
		for _, r := range s.counted.Snapshot(s.limit).Running {
			running[r] = true
			if !logged[r] {
				s.log.Warn("operation is still running", s.describe(r, time.Since(r.Began))...)
			}
		}
		logged = running
	}
}

// Begin implements fusefs.Observer.
func (*slowLog) Begin(*fusefs.Request) {}

// End implements fusefs.Observer.
func (s *slowLog) End(r *fusefs.Request) {
	if r.Took < s.limit {
		return
	}
	result := "ok"
	if r.Errno != 0 {
		result = unix.ErrnoName(r.Errno)
	}
	s.log.Warn("slow operation", append(s.describe(r, r.Took), "result", result, "bytes", r.Bytes)...)
}

func (s *slowLog) describe(r *fusefs.Request, took time.Duration) []any {
	seconds := math.Round(took.Seconds()*1e4) / 1e4
	return []any{"operation", r.Operation, "path", r.Path(), "seconds", seconds, "pid", r.PID, "uid", r.UID}
}

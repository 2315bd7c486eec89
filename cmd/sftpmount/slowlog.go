package main

import (
	"log/slog"
	"time"

	"golang.org/x/sys/unix"

	"sftpmount/fusefs"
)

// A slowLog is a fusefs.Observer that logs requests that took long.
type slowLog struct {
	limit time.Duration
	log   *slog.Logger
}

func (*slowLog) Begin(*fusefs.Request) {}

func (s *slowLog) End(r *fusefs.Request) {
	if r.Took < s.limit {
		return
	}
	result := "ok"
	if r.Errno != 0 {
		result = unix.ErrnoName(r.Errno)
	}
	s.log.Warn("slow operation", "operation", r.Operation, "path", r.Path(), "took", r.Took.Round(time.Millisecond),
		"result", result, "bytes", r.Bytes, "pid", r.PID, "uid", r.UID)
}

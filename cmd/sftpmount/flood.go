package main

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

const (
	// floodBurst is how many records with one message are logged within
	// floodPeriod: a drop may concern thousands of files.
	floodBurst  = 20
	floodPeriod = time.Minute
)

// limited returns a log that leaves out warnings and errors whose message comes
// again and again. The last one before says so, and the next one how many were
// left out.
func limited(log *slog.Logger) *slog.Logger {
	return slog.New(&floodHandler{log.Handler(), &floods{byMessage: map[string]*flood{}}})
}

type floodHandler struct {
	slog.Handler
	floods *floods
}

// floods counts records by their message. All messages are the program's own.
type floods struct {
	mu        sync.Mutex
	byMessage map[string]*flood
}

type flood struct {
	since time.Time
	count int
}

// Handle implements [slog.Handler].
func (h *floodHandler) Handle(ctx context.Context, r slog.Record) error {
	if r.Level >= slog.LevelWarn {
		count, leftOut := h.floods.add(r.Message, r.Time)
		switch {
		case count > floodBurst:
			return nil
		case count == floodBurst:
			r = r.Clone()
			r.AddAttrs(slog.String("more of these", "are left out for a while"))
		case leftOut > 0:
			r = r.Clone()
			r.AddAttrs(slog.Int("left out before", leftOut))
		}
	}
	return h.Handler.Handle(ctx, r)
}

// add counts a record. It returns how many there were in this period, and, for the
// first one, how many were left out in the period before.
func (f *floods) add(message string, now time.Time) (count, leftOut int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	one := f.byMessage[message]
	if one == nil {
		one = &flood{since: now}
		f.byMessage[message] = one
	}
	if now.Sub(one.since) >= floodPeriod {
		leftOut = max(one.count-floodBurst, 0)
		*one = flood{since: now}
	}
	one.count++
	return one.count, leftOut
}

// WithAttrs implements [slog.Handler].
func (h *floodHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &floodHandler{h.Handler.WithAttrs(attrs), h.floods}
}

// WithGroup implements [slog.Handler].
func (h *floodHandler) WithGroup(name string) slog.Handler {
	return &floodHandler{h.Handler.WithGroup(name), h.floods}
}

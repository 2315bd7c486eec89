package main

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"log/syslog"
	"os"
	"strings"
	"sync"
)

// newLogger returns where the program logs to. The lineLog is nil in the
// foreground, where log lines have times and go to standard error for good.
func newLogger(o *options) (*slog.Logger, *lineLog) {
	if o.startup.foreground {
		level := slog.LevelInfo
		if o.startup.debug || o.startup.verbose {
			level = slog.LevelDebug
		}
		return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level})), nil
	}
	lines := &lineLog{level: slog.LevelWarn, write: o.persona.writeToTerminal}
	if o.startup.verbose {
		lines.level = slog.LevelDebug
	}
	return slog.New(newLineHandler(lines)), lines
}

// A lineLog is where the log of a program in the background goes: to the
// terminal, for the person who waits for the mount; then to syslog.
type lineLog struct {
	mu     sync.Mutex
	level  slog.Level
	buffer bytes.Buffer // one record being written
	write  func(level slog.Level, line string)
}

func (p persona) writeToTerminal(_ slog.Level, line string) {
	fmt.Fprintf(os.Stderr, "%s: %s\n", p.name, line)
}

// leaveTerminal goes on in syslog, if there is one.
func (l *lineLog) leaveTerminal() {
	l.mu.Lock()
	defer l.mu.Unlock()
	w, err := syslog.New(syslog.LOG_DAEMON|syslog.LOG_INFO, "sftpmount")
	if err != nil {
		l.write = func(slog.Level, string) {}
		return
	}
	l.level = slog.LevelInfo
	l.write = func(level slog.Level, line string) {
		// There is nobody left to tell that syslog does not listen.
		switch {
		case level >= slog.LevelError:
			_ = w.Err(line)
		case level >= slog.LevelWarn:
			_ = w.Warning(line)
		default:
			_ = w.Info(line)
		}
	}
}

// A lineHandler writes a record as its message and its attributes; time and
// level are syslog's own.
type lineHandler struct {
	lines *lineLog
	attrs slog.Handler // writes the attributes alone into lines.buffer
}

func newLineHandler(lines *lineLog) *lineHandler {
	dropBuiltin := func(groups []string, a slog.Attr) slog.Attr {
		if len(groups) == 0 && (a.Key == slog.TimeKey || a.Key == slog.LevelKey || a.Key == slog.MessageKey) {
			return slog.Attr{}
		}
		return a
	}
	return &lineHandler{lines, slog.NewTextHandler(&lines.buffer, &slog.HandlerOptions{
		Level: slog.LevelDebug, ReplaceAttr: dropBuiltin,
	})}
}

func (h *lineHandler) Enabled(_ context.Context, level slog.Level) bool {
	h.lines.mu.Lock()
	defer h.lines.mu.Unlock()
	return level >= h.lines.level
}

func (h *lineHandler) Handle(ctx context.Context, r slog.Record) error {
	h.lines.mu.Lock()
	defer h.lines.mu.Unlock()
	h.lines.buffer.Reset()
	if err := h.attrs.Handle(ctx, r); err != nil {
		return err
	}
	h.lines.write(r.Level, strings.TrimSpace(r.Message+" "+h.lines.buffer.String()))
	return nil
}

func (h *lineHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &lineHandler{h.lines, h.attrs.WithAttrs(attrs)}
}

func (h *lineHandler) WithGroup(name string) slog.Handler {
	return &lineHandler{h.lines, h.attrs.WithGroup(name)}
}

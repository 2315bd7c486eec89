package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"log/syslog"
	"os"
	"strings"
	"sync"

	"github.com/coreos/go-systemd/v22/journal"

	"sftpmount/cmd/sftpmount/internal/logfile"
)

// A logger is the program's log. In the background, the person who waits for the
// mount gets to see warnings on the terminal until it is there.
type logger struct {
	*slog.Logger
	lines *lineLog      // nil in the foreground
	file  *logfile.File // nil: none
}

// newLogger returns the log that the options ask for. It goes to a file or to the
// journal from the start. Otherwise it goes to standard error in the foreground,
// and in the background to syslog once the mount is there.
func newLogger(o *options) (*logger, error) {
	l := &logger{}
	handler, err := l.handler(&o.log, o.level())
	if err != nil {
		return nil, err
	}
	if o.startup.foreground {
		if handler == nil {
			handler = o.log.newHandler(os.Stderr, o.level())
		}
		l.Logger = slog.New(handler)
		return l, nil
	}
	l.lines = &lineLog{level: slog.LevelWarn, after: o.level(), write: o.persona.writeToTerminal}
	if o.startup.verbose {
		l.lines.level = slog.LevelDebug
	}
	handlers := []slog.Handler{newLineHandler(l.lines)}
	if handler != nil {
		l.lines.elsewhere = true
		handlers = append(handlers, handler)
	}
	l.Logger = slog.New(slog.NewMultiHandler(handlers...))
	return l, nil
}

// level is the least level that is logged.
func (o *options) level() slog.Level {
	if o.startup.debug || o.startup.verbose {
		return slog.LevelDebug
	}
	return slog.LevelInfo
}

// handler returns where the log goes whatever becomes of the terminal, or nil.
func (l *logger) handler(o *logOptions, level slog.Level) (slog.Handler, error) {
	switch {
	case o.file != "":
		var err error
		if l.file, err = logfile.Open(o.file); err != nil {
			return nil, failure(exitFailure, "option \"log_file\": %w", err)
		}
		return o.newHandler(l.file, level), nil
	case o.journal:
		if !journal.Enabled() {
			return nil, failure(exitFailure, "option \"log=journal\": no journal listens here; leave log=journal out, or use log_file=FILE")
		}
		return newJournalHandler(journal.Send, level), nil
	}
	return nil, nil
}

func (o *logOptions) newHandler(w io.Writer, level slog.Level) slog.Handler {
	options := &slog.HandlerOptions{Level: level}
	if o.format == "json" {
		return slog.NewJSONHandler(w, options)
	}
	return slog.NewTextHandler(w, options)
}

// close is for the end of the program.
func (l *logger) close() {
	if l.file != nil {
		_ = l.file.Close()
	}
}

// A lineLog is where the log of a program in the background goes: to the
// terminal, for the person who waits for the mount; then to syslog, unless it
// goes elsewhere already.
type lineLog struct {
	mu        sync.Mutex
	level     slog.Level
	after     slog.Level // the level once the terminal is left
	elsewhere bool
	buffer    bytes.Buffer // one record being written
	write     func(level slog.Level, line string)
}

func (p persona) writeToTerminal(_ slog.Level, line string) {
	fmt.Fprintf(os.Stderr, "%s: %s\n", p.name, line)
}

// leaveTerminal goes on in syslog, if there is one.
func (l *lineLog) leaveTerminal() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.level = l.after
	l.write = func(slog.Level, string) {}
	if l.elsewhere {
		return
	}
	w, err := syslog.New(syslog.LOG_DAEMON|syslog.LOG_INFO, "sftpmount")
	if err != nil {
		return
	}
	l.write = func(level slog.Level, line string) {
		// There is nobody left to tell that syslog does not listen.
		switch {
		case level >= slog.LevelError:
			_ = w.Err(line)
		case level >= slog.LevelWarn:
			_ = w.Warning(line)
		case level >= slog.LevelInfo:
			_ = w.Info(line)
		default:
			_ = w.Debug(line)
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

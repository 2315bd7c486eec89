package main

import (
	"context"
	"log/slog"
	"slices"
	"strings"

	"github.com/coreos/go-systemd/v22/journal"
)

// A journalHandler sends records to systemd's journal in its own protocol: the
// message with its attributes as one line, as everywhere, and each attribute as
// a field of its own besides, SFTPMOUNT_PATH for path.
type journalHandler struct {
	send   func(message string, priority journal.Priority, fields map[string]string) error
	level  slog.Level
	groups []string
	attrs  []slog.Attr // with their groups in their names
}

func newJournalHandler(send func(string, journal.Priority, map[string]string) error, level slog.Level) *journalHandler {
	return &journalHandler{send: send, level: level}
}

func (h *journalHandler) Enabled(_ context.Context, level slog.Level) bool { return level >= h.level }

func (h *journalHandler) Handle(_ context.Context, r slog.Record) error {
	attrs := h.attrs
	r.Attrs(func(a slog.Attr) bool {
		attrs = slices.Concat(attrs, h.named(a))
		return true
	})
	fields := map[string]string{"SYSLOG_IDENTIFIER": "sftpmount"}
	line := &lineLog{level: h.level, write: func(_ slog.Level, line string) { r.Message = line }}
	for _, a := range attrs {
		fields[journalField(a.Key)] = a.Value.String()
	}
	whole := slog.NewRecord(r.Time, r.Level, r.Message, r.PC)
	whole.AddAttrs(attrs...)
	if err := newLineHandler(line).Handle(context.Background(), whole); err != nil {
		return err
	}
	return h.send(r.Message, journalPriority(r.Level), fields)
}

// named returns a, or what is in it if it is a group, with the groups that it
// stands in as part of the name.
func (h *journalHandler) named(a slog.Attr) []slog.Attr {
	value := a.Value.Resolve()
	if value.Kind() != slog.KindGroup {
		return []slog.Attr{{Key: strings.Join(slices.Concat(h.groups, []string{a.Key}), "."), Value: value}}
	}
	inner := h
	if a.Key != "" {
		inner = h.WithGroup(a.Key).(*journalHandler)
	}
	var list []slog.Attr
	for _, member := range value.Group() {
		list = append(list, inner.named(member)...)
	}
	return list
}

func (h *journalHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	with := *h
	for _, a := range attrs {
		with.attrs = slices.Concat(with.attrs, h.named(a))
	}
	return &with
}

func (h *journalHandler) WithGroup(name string) slog.Handler {
	with := *h
	with.groups = slices.Concat(h.groups, []string{name})
	return &with
}

// journalField makes the name of a field: capital letters, digits and
// underscores.
func journalField(key string) string {
	return "SFTPMOUNT_" + strings.Map(func(r rune) rune {
		switch {
		case r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
			return r
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		}
		return '_'
	}, key)
}

func journalPriority(level slog.Level) journal.Priority {
	switch {
	case level >= slog.LevelError:
		return journal.PriErr
	case level >= slog.LevelWarn:
		return journal.PriWarning
	case level >= slog.LevelInfo:
		return journal.PriInfo
	}
	return journal.PriDebug
}

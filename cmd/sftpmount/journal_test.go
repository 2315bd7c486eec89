package main

import (
	"log/slog"
	"testing"

	"github.com/coreos/go-systemd/v22/journal"
	"github.com/stretchr/testify/assert"
)

func TestJournalHandler(t *testing.T) {
	type entry struct {
		message  string
		priority journal.Priority
		fields   map[string]string
	}
	var got []entry
	log := slog.New(newJournalHandler(func(message string, priority journal.Priority, fields map[string]string) error {
		got = append(got, entry{message, priority, fields})
		return nil
	}, slog.LevelInfo))
	log.Debug("not this")
	log.Info("mounted", "source", "a b:", "bytes", 5)
	with := log.With("host", "h").WithGroup("server")
	with.With("next attempt", 1).Warn("lost", slog.Group("by", "err", "gone"))
	with.Error("again")
	assert.Equal(t, []entry{
		{`mounted source="a b:" bytes=5`, journal.PriInfo,
			map[string]string{"SYSLOG_IDENTIFIER": "sftpmount", "SFTPMOUNT_SOURCE": "a b:", "SFTPMOUNT_BYTES": "5"}},
		{`lost host=h "server.next attempt"=1 server.by.err=gone`, journal.PriWarning,
			map[string]string{"SYSLOG_IDENTIFIER": "sftpmount", "SFTPMOUNT_HOST": "h",
				"SFTPMOUNT_SERVER_NEXT_ATTEMPT": "1", "SFTPMOUNT_SERVER_BY_ERR": "gone"}},
		{`again host=h`, journal.PriErr, map[string]string{"SYSLOG_IDENTIFIER": "sftpmount", "SFTPMOUNT_HOST": "h"}},
	}, got)
}

package main

import (
	"errors"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestLineHandler(t *testing.T) {
	var got []string
	lines := &lineLog{level: slog.LevelWarn, write: func(level slog.Level, line string) {
		got = append(got, level.String()+" "+line)
	}}
	log := slog.New(newLineHandler(lines))
	log.Info("not for a person who waits")
	log.Warn("host key added", "host", "a b", "bits", 256)
	log.With("path", "/x").WithGroup("server").Error("cannot reopen", "message", "gone")
	assert.Equal(t, []string{
		`WARN host key added host="a b" bits=256`,
		`ERROR cannot reopen path=/x server.message=gone`,
	}, got)
}

func TestErrorsAreOneLine(t *testing.T) {
	assert.Equal(t, "a b [31mc", oneLine(errors.New("a\nb\n\x1b[31mc")))
}

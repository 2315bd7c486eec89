package main

import (
	"bytes"
	"log/slog"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"sftpmount/cmd/sftpmount/internal/stats"
	"sftpmount/fusefs"
)

func TestSlowLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var said bytes.Buffer
		counted := stats.New()
		s := newSlowLog(3*time.Second, counted, slog.New(slog.NewTextHandler(&said, nil)))
		stuck := &fusefs.Request{Operation: "read", Began: time.Now(), PID: 7, UID: 8}
		counted.Begin(stuck)
		time.Sleep(time.Minute)
		stuck.Took, stuck.Errno = time.Since(stuck.Began), syscall.EIO
		s.End(stuck)
		counted.End(stuck)
		s.End(&fusefs.Request{Operation: "write", Took: 2999 * time.Millisecond})
		s.close()
		var got []string
		for line := range strings.Lines(said.String()) {
			_, rest, _ := strings.Cut(line, " level=WARN ")
			got = append(got, strings.TrimSpace(rest))
		}
		assert.Equal(t, []string{
			`msg="operation is still running" operation=read path="" seconds=4 pid=7 uid=8`,
			`msg="slow operation" operation=read path="" seconds=60 pid=7 uid=8 result=EIO bytes=0`,
		}, got)
	})
}

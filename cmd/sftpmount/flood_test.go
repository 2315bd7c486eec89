package main

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
)

// One cause that concerns many files does not fill the log.
func TestLimitedLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		log := limited(slog.New(slog.NewTextHandler(&out, nil)))
		for i := range 1000 {
			log.With("host", "h").Error("a file is lost", "path", i)
		}
		log.Warn("something else")
		for range 100 {
			log.Info("news")
		}
		assert.Equal(t, floodBurst, strings.Count(out.String(), "a file is lost"))
		assert.Contains(t, out.String(), `path=19 "more of these"="are left out for a while"`)
		assert.Contains(t, out.String(), "something else")
		assert.Equal(t, 100, strings.Count(out.String(), "news"))
		time.Sleep(floodPeriod)
		log.Error("a file is lost", "path", "last")
		assert.Contains(t, out.String(), `path=last "left out before"=980`)
	})
}

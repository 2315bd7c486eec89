package main

import (
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"golang.org/x/sys/unix"

	"sftpmount/reconnect"
)

// statusInterval is how often a service looks whether there is news.
const statusInterval = time.Second

// A service is the mount as systemd sees it: it says when the mount is ready,
// how its connection fares, and, where a watchdog was asked for, that the mount
// still answers (sd_notify(3)). Started by anybody else, it says nothing.
type service struct {
	mountpoint string
	status     func() reconnect.Status
	log        *slog.Logger
	watchdog   time.Duration // 0: none
	quit       chan struct{}
	telling    sync.WaitGroup
}

// startService says that the mount is ready. stop must be called in the end.
func startService(mountpoint string, status func() reconnect.Status, log *slog.Logger) *service {
	s := &service{mountpoint: mountpoint, status: status, log: log, quit: make(chan struct{})}
	if !s.say(daemon.SdNotifyReady) {
		return s
	}
	var err error
	if s.watchdog, err = daemon.SdWatchdogEnabled(false); err != nil {
		log.Warn("systemd's watchdog will not be answered", "err", err)
	}
	s.telling.Go(s.tell)
	return s
}

// stop says that the mount has ended, and the program is about to.
func (s *service) stop() {
	close(s.quit)
	s.telling.Wait()
	s.say(daemon.SdNotifyStopping)
}

// say reports whether somebody listens.
func (s *service) say(state string) bool {
	told, err := daemon.SdNotify(false, state)
	if err != nil {
		s.log.Warn("systemd cannot be told how the mount fares", "err", err)
	}
	return told
}

func (s *service) tell() {
	ticker := time.NewTicker(statusInterval)
	defer ticker.Stop()
	var last string
	var patted time.Time
	for {
		if text := describeStatus(s.status()); text != last {
			s.say("STATUS=" + text)
			last = text
		}
		// Twice as often as it must be, as sd_watchdog_enabled(3) advises.
		if s.watchdog > 0 && time.Since(patted) >= s.watchdog/2-statusInterval && s.answers() {
			s.say(daemon.SdNotifyWatchdog)
			patted = time.Now()
		}
		select {
		case <-s.quit:
			return
		case <-ticker.C:
		}
	}
}

// answers asks the mount through the kernel, as a program would. That works
// while the server is away (fusefs), and hangs only if the program does: then
// nobody pats the watchdog any more.
func (s *service) answers() bool {
	return unix.Statfs(s.mountpoint, new(unix.Statfs_t)) == nil
}

// describeStatus puts the state of the connection in words, on one line.
func describeStatus(status reconnect.Status) string {
	since := status.Since.Format(time.DateTime)
	switch {
	case status.State == reconnect.Up:
		return "connected since " + since
	case status.LastError == nil:
		return fmt.Sprintf("%s, no connection since %s", status.State, since)
	}
	return fmt.Sprintf("%s, no connection since %s: %s", status.State, since, oneLine(status.LastError))
}

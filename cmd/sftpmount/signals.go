package main

import (
	"os"
	"os/signal"
	"syscall"
)

// catchSignals returns a channel of the signals that ask the program to end. One
// that it was started to ignore, by nohup(1) or a shell's "&", stays ignored.
func catchSignals() <-chan os.Signal {
	signals := make(chan os.Signal, 4)
	for _, s := range []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		if !signal.Ignored(s) {
			signal.Notify(signals, s)
		}
	}
	return signals
}

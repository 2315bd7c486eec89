package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/pflag"

	"sftpmount/cmd/sftpmount/internal/status"
)

const unmountUsage = `usage: sftpmount unmount mountpoint

Unmounts, and waits until everything that was written is on the server. While
files on the mount are in use, it fails.
`

func unmount(args []string) error {
	places, done, err := parseCommand(pflag.NewFlagSet("unmount", pflag.ContinueOnError), unmountUsage, args, 1)
	if done || err != nil {
		return err
	}
	if len(places) == 0 {
		return usageError("no mountpoint given: sftpmount unmount mountpoint; sftpmount list shows them all")
	}
	dir := places[0]
	answers := status.All(context.Background())
	found, itself := status.Find(answers, dir)
	switch {
	case found == nil:
		_, err := findMount(answers, dir)
		return err
	case !itself:
		return failure(exitMountpoint, "%s is no mountpoint itself: it lies on %s", dir, found.Report.Mountpoint)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	bar := status.NewBar(os.Stderr, isTerminal(os.Stderr))
	end, err := found.Client.Unmount(ctx, bar.Show)
	bar.Clear()
	switch {
	case ctx.Err() != nil:
		return failure(exitFailure, "not waiting any more: process %d goes on sending", found.Report.PID)
	case errors.Is(err, status.ErrBusy):
		return failure(exitFailure, "%s is in use: close what uses it (fuser -vm %[1]s shows that), or detach it: %s",
			dir, detachCommand(dir))
	case err != nil:
		return failure(exitFailure, "unmounting %s: %w", dir, err)
	case end.Code != exitOK:
		return failure(end.Code, "%s is unmounted, but %s", dir, end.Error)
	}
	return nil
}

// detachCommand is what takes a mount out of the tree by hand though it is in
// use.
func detachCommand(dir string) string {
	if os.Geteuid() == 0 {
		return "umount -l " + shellQuote(dir)
	}
	return "fusermount3 -uz " + shellQuote(dir)
}

package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"syscall"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"

	"sftpmount/fusefs"
)

// A program that crashed or was killed leaves its mount behind: whoever touches
// it gets ENOTCONN until somebody unmounts it. The next start does that, so that
// a restart by systemd or "mount -a" mends what a crash broke.

// readyMountpoint is checkMountpoint, after a dead mount of a program with the
// same subtype was taken away from path. One that lives stays, and is not hidden by
// another.
func readyMountpoint(path, subtype string, log *slog.Logger) (string, error) {
	for {
		dir, err := checkMountpoint(path)
		there, ok := mountAt(path)
		ours := ok && there.FSType == "fuse."+subtype
		switch {
		case err == nil && ours:
			return "", failure(exitMountpoint, "%s is mounted on %s already: unmount that first with: %s",
				there.Source, path, unmountCommand(path))
		case !errors.Is(err, syscall.ENOTCONN) || !ours:
			return dir, err
		}
		if detachErr := fusefs.Detach(there.Mountpoint); detachErr != nil {
			return "", fmt.Errorf("%w; it could not be cleared: %w", err, detachErr)
		}
		log.Warn("cleared a dead mount, whose program had ended without unmounting",
			"mountpoint", there.Mountpoint, "source", there.Source)
	}
}

// mountAt finds what is mounted at path, whether it answers or not.
func mountAt(path string) (*mountinfo.Info, bool) {
	// Opened like this, the kernel finds where path leads without asking the
	// file system there.
	fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, false
	}
	defer func() { _ = unix.Close(fd) }()
	dir, err := os.Readlink("/proc/self/fd/" + strconv.Itoa(fd))
	if err != nil {
		return nil, false
	}
	mounts, err := mountinfo.GetMounts(func(m *mountinfo.Info) (skip, stop bool) {
		return m.Mountpoint != dir, false
	})
	if err != nil || len(mounts) == 0 {
		return nil, false
	}
	return mounts[len(mounts)-1], true // the highest of those that lie on each other
}

package main

import (
	"errors"
	"slices"
	"strings"
	"syscall"

	"sftpmount/fusefs"
)

// remount changes the flags of a mount (mount -o remount). The program that
// serves it need not know: the kernel keeps them. Other options stay as they
// are, and may be given, since mount(8) hands on those of fstab.
func remount(o *options) error {
	mounted, ok := mountAt(o.mountpoint)
	if !ok || mounted.FSType != "fuse."+o.mount.subtype {
		return failure(exitMountpoint, "nothing of type fuse.%s is mounted on %s: leave \"remount\" out to mount it",
			o.mount.subtype, o.mountpoint)
	}
	current := strings.Split(mounted.Options, ",")
	err := fusefs.Remount(mounted.Mountpoint, slices.Concat(current, o.mount.kernelFlags))
	switch {
	case errors.Is(err, syscall.EBUSY):
		return failure(exitMount, "%s cannot become read-only while files on it are open for writing", o.mountpoint)
	case errors.Is(err, syscall.EPERM):
		return failure(exitMount, "only root can remount %s", o.mountpoint)
	case err != nil:
		return failure(exitMount, "%w", err)
	}
	return nil
}

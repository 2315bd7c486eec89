package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// checkMountpoint returns the absolute path of a directory that can be mounted
// on, free of symbolic links, as the kernel lists it.
func checkMountpoint(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", mountpointError(path, err)
	}
	if !info.IsDir() {
		return "", failure(exitMountpoint, "mountpoint %s is not a directory", path)
	}
	// fusermount3 finds that out as well, but only after a password was asked for.
	if os.Geteuid() != 0 && unix.Access(path, unix.W_OK) != nil {
		return "", failure(exitMountpoint, "mountpoint %s: this user may not write to it, and so not mount on it: "+
			"name a directory of your own", path)
	}
	absolute, err := filepath.Abs(path)
	if err == nil {
		absolute, err = filepath.EvalSymlinks(absolute)
	}
	if err != nil {
		return "", mountpointError(path, err)
	}
	return absolute, nil
}

func mountpointError(path string, err error) error {
	switch {
	case errors.Is(err, syscall.ENOTCONN):
		return failure(exitMountpoint, "mountpoint %s is a dead mount (%w): the program that served it is gone; clear it with: %s",
			path, syscall.ENOTCONN, unmountCommand(path))
	case errors.Is(err, fs.ErrNotExist):
		return failure(exitMountpoint, "mountpoint %s does not exist: create it with: mkdir %s", path, shellQuote(path))
	}
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		err = pathErr.Err // the path is named already
	}
	return failure(exitMountpoint, "mountpoint %s: %w", path, err)
}

// checkFUSE finds out that the kernel offers FUSE, before a password is asked
// for in vain.
func checkFUSE() error {
	f, err := os.OpenFile("/dev/fuse", os.O_RDWR, 0)
	if err != nil {
		return fuseError(err)
	}
	return f.Close()
}

func fuseError(err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENODEV):
		return failure(exitMount, "the kernel offers no FUSE here (/dev/fuse is missing): "+
			"load it with \"modprobe fuse\", or give the container --device /dev/fuse --cap-add SYS_ADMIN")
	case errors.Is(err, fs.ErrPermission) && os.Geteuid() != 0:
		return failure(exitMount, "/dev/fuse may not be opened by this user: as root, run: chmod 666 /dev/fuse")
	case errors.Is(err, fs.ErrPermission):
		return failure(exitMount, "even root may not open /dev/fuse here: "+
			"give the container --device /dev/fuse --cap-add SYS_ADMIN")
	}
	return failure(exitMount, "opening /dev/fuse: %w", err)
}

// mountError says why nothing was mounted.
func mountError(err error) error {
	if errors.Is(err, syscall.EPERM) && os.Geteuid() == 0 {
		return failure(exitMount, "%w: root may not mount here; give the container --cap-add SYS_ADMIN", err)
	}
	return failure(exitMount, "%w", err)
}

// unmountCommand is what unmounts path by hand.
func unmountCommand(path string) string {
	if os.Geteuid() == 0 {
		return "umount " + shellQuote(path)
	}
	return "fusermount3 -u " + shellQuote(path)
}

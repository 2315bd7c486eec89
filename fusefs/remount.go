package fusefs

import (
	"os"

	"golang.org/x/sys/unix"
)

// Remount gives the mount on dir the flags that options name, such as "ro";
// later ones override earlier ones, and those that are not named are cleared.
// Only root can. While files on the mount are open for writing, "ro" fails with
// EBUSY.
func Remount(dir string, options []string) error {
	flags := uintptr(unix.MS_REMOUNT)
	for _, option := range options {
		f := mountFlags[option]
		flags = flags&^f.clear | f.set
	}
	if err := unix.Mount("", dir, "", flags, ""); err != nil {
		return &os.PathError{Op: "remount", Path: dir, Err: err}
	}
	return nil
}

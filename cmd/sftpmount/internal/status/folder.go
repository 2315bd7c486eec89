package status

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// folders lists where the sockets of the user's mounts may be, the best place
// first. Programs of one user may differ in what they know of XDG_RUNTIME_DIR:
// those that cron or autofs start have none, and what sudo -E starts has another
// user's.
func folders() []string {
	uid := strconv.Itoa(os.Geteuid())
	var list []string
	for _, dir := range []string{os.Getenv("XDG_RUNTIME_DIR"), filepath.Join("/run/user", uid)} {
		if filepath.IsAbs(dir) && checkFolder(dir) == nil {
			list = append(list, filepath.Join(dir, "sftpmount"))
		}
	}
	if uid == "0" {
		list = append(list, "/run/sftpmount")
	}
	return append(list, "/tmp/sftpmount-"+uid)
}

// makeFolder returns the first of the folders that is there or can be made, and
// that nobody else can enter.
func makeFolder(folders []string) (string, error) {
	var problems error
	for _, dir := range folders {
		err := os.Mkdir(dir, 0o700)
		if errors.Is(err, fs.ErrExist) {
			err = nil
		}
		if err == nil {
			err = checkFolder(dir)
		}
		if err == nil {
			return dir, nil
		}
		problems = errors.Join(problems, err)
	}
	return "", problems
}

// checkFolder reports an error if dir is not the user's own and private.
func checkFolder(dir string) error {
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !info.IsDir():
		return fmt.Errorf("%s is not a directory", dir)
	case !ok || int(stat.Uid) != os.Geteuid():
		return fmt.Errorf("%s belongs to another user", dir)
	case info.Mode().Perm()&0o077 != 0:
		return fmt.Errorf("%s is open to other users (mode %o): chmod 700 %[1]s", dir, info.Mode().Perm())
	}
	return nil
}

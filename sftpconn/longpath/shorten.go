package longpath

import (
	"context"
	"errors"
	"strings"
	"syscall"

	"sftpmount/sftpconn"
)

// openFiles is where Linux names a process's open files (proc(5)).
const openFiles = "/proc/self/fd"

// maxOpen is how long the name of one of them gets.
const maxOpen = len(openFiles + "/1234567890")

// ways are the directories that are open for one operation.
type ways struct {
	conn    *sftpconn.Conn
	open    map[string]string // names that the server has for directories
	release []func()
}

func (w *ways) close() {
	for _, release := range w.release {
		release()
	}
}

// to returns path if it is not longer than longest, and else a shorter way to it, as
// long as w is not closed. What cannot be shortened is ENAMETOOLONG.
func (w *ways) to(ctx context.Context, path string, longest int) (string, error) {
	if len(path) <= longest {
		return path, nil
	}
	cut := strings.LastIndexByte(path[:min(len(path), maxPath)], '/')
	dir, rest := path[:cut], path[cut:]
	if len(rest)+maxOpen > maxPath {
		return "", syscall.ENAMETOOLONG
	}
	if _, ok := w.open[dir]; !ok {
		if err := w.enter(ctx, dir); err != nil {
			return "", err
		}
	}
	return w.open[dir] + rest, nil
}

// enter opens a directory and finds the name that the server has for it.
//
// It must be the one that was just opened: any other can be closed, and its
// number be given to some other file. A process that serves several channels may
// have the directory open already, and then there is no telling.
func (w *ways) enter(ctx context.Context, dir string) error {
	resolved, err := w.conn.RealPath(ctx, dir)
	if err != nil {
		return err
	}
	before, err := w.named(ctx, resolved)
	if err != nil {
		return err
	}
	release, err := w.conn.HoldDir(ctx, dir)
	if err != nil {
		return err
	}
	w.release = append(w.release, release)
	after, err := w.named(ctx, resolved)
	if err != nil {
		return err
	}
	if len(before) != 0 || len(after) != 1 {
		return syscall.ENAMETOOLONG
	}
	w.open[dir] = after[0]
	return nil
}

// named returns the names that the server has for a directory.
func (w *ways) named(ctx context.Context, dir string) ([]string, error) {
	entries, err := w.conn.ReadDir(ctx, openFiles)
	if _, refused := errors.AsType[*sftpconn.StatusError](err); refused {
		return nil, syscall.ENAMETOOLONG // it is no Linux, or has no /proc
	}
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		name := openFiles + "/" + e.Name
		if target, err := w.conn.Readlink(ctx, name); err == nil && target == dir {
			names = append(names, name)
		}
	}
	return names, nil
}

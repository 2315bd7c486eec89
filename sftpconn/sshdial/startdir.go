package sshdial

import (
	"fmt"
	"os"
	"os/exec"

	"golang.org/x/sys/unix"
)

// startDir is the directory that was the current one when the way was made.
// Programs that a redial starts run there as the first ones did: what names them,
// and what they are told, may be relative to it. It is held open, since to look for
// it by its path may lead through the mount that waits for the redial.
type startDir struct{ file *os.File } // nil if there is none

func openStartDir() startDir {
	file, err := os.OpenFile(".", unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		return startDir{}
	}
	d := startDir{file}
	if _, err := os.Stat(d.path()); err != nil { // there is no /proc
		d.close()
		return startDir{}
	}
	return d
}

// path leads there in this process, and in one that was forked from it and has not
// become a program yet.
func (d startDir) path() string { return fmt.Sprintf("/proc/self/fd/%d", d.file.Fd()) }

// of has cmd run there.
func (d startDir) of(cmd *exec.Cmd) *exec.Cmd {
	if d.file == nil {
		return cmd
	}
	if cmd.Env == nil {
		cmd.Env = os.Environ() // or $PWD would be set
	}
	cmd.Dir = d.path()
	return cmd
}

func (d startDir) close() {
	if d.file != nil {
		_ = d.file.Close()
	}
}

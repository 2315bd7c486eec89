package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// Going to the background. Go cannot fork, and the connection must be made by
// the process that will serve it. So the program starts itself once more: the
// child stays in the terminal's foreground, where it can ask for a password,
// until the mount is there. Then it leaves the terminal and says so through a
// pipe, and the parent, which only waited, exits.

// readyVariable tells the child which descriptor is the pipe.
const readyVariable = "SFTPMOUNT_READY_FD"

const readyMessage = "mounted\n"

// A parent is how a child reaches the process that started it.
type parent struct {
	ready *os.File
}

// findParent returns nil in a process that is not such a child.
func findParent() (*parent, error) {
	value, ok := os.LookupEnv(readyVariable)
	if !ok {
		return nil, nil
	}
	// Programs that we start must inherit neither.
	if err := os.Unsetenv(readyVariable); err != nil {
		return nil, err
	}
	fd, err := strconv.Atoi(value)
	if err != nil || fd <= 2 {
		return nil, fmt.Errorf("environment variable %s=%q is not for setting by hand: unset it", readyVariable, value)
	}
	syscall.CloseOnExec(fd)
	return &parent{ready: os.NewFile(uintptr(fd), "ready pipe")}, nil
}

// runInBackground starts the child, waits until it is mounted or has failed,
// and returns the code to exit with. The child has said what went wrong.
func runInBackground(o *options) (int, error) {
	program, err := os.Executable()
	if err != nil {
		return exitFailure, fmt.Errorf("finding this program's own file: %w", err)
	}
	read, write, err := os.Pipe()
	if err != nil {
		return exitFailure, fmt.Errorf("starting in the background: %w", err)
	}
	child := exec.Command(program, os.Args[1:]...)
	child.Args[0] = os.Args[0]
	child.Stdin, child.Stdout, child.Stderr = os.Stdin, os.Stdout, os.Stderr
	child.ExtraFiles = []*os.File{write} // descriptor 3 there
	child.Env = append(os.Environ(), readyVariable+"=3")

	// A signal to this process alone is meant for the child.
	signals := catchSignals()
	if err := startChild(child, o); err != nil {
		return exitCode(err), err
	}
	_ = write.Close()
	go func() {
		for s := range signals {
			_ = child.Process.Signal(s)
		}
	}()

	message, _ := io.ReadAll(read)
	if string(message) == readyMessage {
		return exitOK, nil
	}
	err = child.Wait()
	exit, ok := errors.AsType[*exec.ExitError](err)
	if !ok {
		return exitFailure, err
	}
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return exitSignal + int(status.Signal()),
			fmt.Errorf("the process that was connecting was ended by a signal: %v", status.Signal())
	}
	return exit.ExitCode(), nil
}

// release leaves the terminal and lets the waiting parent exit. An error means
// that nobody waits any more.
func (p *parent) release() error {
	if _, err := unix.Setsid(); err != nil {
		return fmt.Errorf("leaving the terminal: %w", err)
	}
	signal.Ignore(syscall.SIGHUP)
	// The directory that this was started in stays free to be unmounted, unless
	// a program makes the connection, which runs there.
	if err := os.Chdir("/"); err != nil {
		return fmt.Errorf("leaving the current directory: %w", err)
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("leaving the terminal: %w", err)
	}
	for fd := range 3 {
		if err := unix.Dup3(int(null.Fd()), fd, 0); err != nil {
			return fmt.Errorf("leaving the terminal: %w", err)
		}
	}
	_ = null.Close()
	if _, err := p.ready.WriteString(readyMessage); err != nil {
		return fmt.Errorf("telling the program that was started: %w", err)
	}
	return p.ready.Close()
}

// closeInherited closes descriptors that came from whoever started the program:
// a lock file or a pipe would be held for as long as the mount is there, also by
// a fusermount3 that stays. Our own are told from them by the close-on-exec flag,
// which Go sets on all. With nobody to wait for us, it does nothing.
func (p *parent) closeInherited() error {
	if p == nil {
		return nil
	}
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return fmt.Errorf("closing what was inherited: %w", err)
	}
	for _, entry := range entries {
		fd, err := strconv.Atoi(entry.Name())
		if err != nil || fd <= 2 {
			continue
		}
		// The one that the directory was read through is closed by now.
		flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
		if err == nil && flags&unix.FD_CLOEXEC == 0 {
			_ = unix.Close(fd)
		}
	}
	return nil
}

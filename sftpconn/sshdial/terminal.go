package sshdial

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

// Terminal asks on the process's terminal (/dev/tty), or through the program
// that SSH_ASKPASS names where there is no terminal, or SSH_ASKPASS_REQUIRE
// says so (ssh(1), ENVIRONMENT).
type Terminal struct{}

// Prompt implements [Prompter].
func (Terminal) Prompt(ctx context.Context, question string, echo bool) ([]byte, error) {
	// Where nobody catches these signals, they would end the process with
	// the terminal's echo off.
	unlessSignal, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	answer, err := ask(unlessSignal, question, echo)
	switch {
	case err == nil:
		return answer, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case unlessSignal.Err() != nil:
		return nil, ErrInterrupted
	}
	return nil, err
}

func ask(ctx context.Context, question string, echo bool) ([]byte, error) {
	program := askpassProgram()
	if program != "" && askpassFirst() {
		return askpass(ctx, program, question)
	}
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		if program == "" {
			return nil, ErrNoPrompt
		}
		return askpass(ctx, program, question)
	}
	defer func() { _ = tty.Close() }()
	return askOn(ctx, tty, question, echo)
}

// askOn asks on an open terminal. The read ends with ctx, since the file is
// non-blocking.
func askOn(ctx context.Context, tty *os.File, question string, echo bool) ([]byte, error) {
	if !echo {
		restore, err := echoOff(tty)
		if err != nil {
			return nil, err
		}
		defer restore()
	}
	if _, err := tty.WriteString(question); err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = tty.SetReadDeadline(aLongTimeAgo) })
	defer stop()
	answer, err := readLine(tty)
	if !echo || err != nil {
		_, _ = tty.WriteString("\n")
	}
	return answer, err
}

// echoOff turns the terminal's echo off and returns what restores it.
func echoOff(tty *os.File) (restore func(), err error) {
	conn, err := tty.SyscallConn()
	if err != nil {
		return nil, err
	}
	// Not tty.Fd: that would make the file blocking.
	var before *unix.Termios
	var ioctlErr error
	err = conn.Control(func(fd uintptr) {
		if before, ioctlErr = unix.IoctlGetTermios(int(fd), unix.TCGETS); ioctlErr != nil {
			return
		}
		silent := *before
		silent.Lflag &^= unix.ECHO
		silent.Lflag |= unix.ICANON | unix.ISIG
		// TCSETSF drops what was typed before the question.
		ioctlErr = unix.IoctlSetTermios(int(fd), unix.TCSETSF, &silent)
	})
	if err := errors.Join(err, ioctlErr); err != nil {
		return nil, err
	}
	return func() {
		_ = conn.Control(func(fd uintptr) {
			_ = unix.IoctlSetTermios(int(fd), unix.TCSETS, before)
		})
	}, nil
}

// maxAnswer bounds a line, and lets a secret be read without leaving copies of
// its beginning behind in grown slices.
const maxAnswer = 4096

// readLine reads up to the end of the line or of the input, byte by byte, so
// that nothing beyond the line is lost.
func readLine(r io.Reader) ([]byte, error) {
	line := make([]byte, 0, maxAnswer)
	for len(line) < maxAnswer {
		next := line[len(line) : len(line)+1]
		n, err := r.Read(next)
		if n == 1 && next[0] == '\n' {
			break
		}
		if n == 1 && next[0] != '\r' {
			line = line[:len(line)+1]
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			wipe(line)
			return nil, err
		}
	}
	return line, nil
}

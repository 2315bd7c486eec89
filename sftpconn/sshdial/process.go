package sshdial

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// process is a program as a connection: what is written goes to its standard
// input, and its standard output is read. What it says on standard error is
// logged.
type process struct {
	net.Conn
	cmd     *exec.Cmd
	said    *saying
	explain func(lastLine string) error // what it means; nil: just that

	ended chan struct{} // closed when it has ended
	err   error         // how; set before ended is closed
	close sync.Once
}

// endPatience is how long a program may take to end when it is asked to, and to
// let go of its standard error when it has ended.
const endPatience = time.Second

// startProcess starts cmd, whose standard streams are not set.
func startProcess(cmd *exec.Cmd, log *slog.Logger) (*process, error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	ours, theirs := os.NewFile(uintptr(pair[0]), "program"), os.NewFile(uintptr(pair[1]), "program")
	defer func() { _, _ = ours.Close(), theirs.Close() }()
	p := &process{cmd: cmd, said: &saying{tell: func(line string) { log.Info(line) }}, ended: make(chan struct{})}
	if p.Conn, err = net.FileConn(ours); err != nil {
		return nil, err
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = theirs, theirs, p.said
	cmd.WaitDelay = endPatience
	if err := cmd.Start(); err != nil {
		_ = p.Conn.Close()
		return nil, err
	}
	go func() { // Close waits for it
		p.err = cmd.Wait()
		p.said.flush()
		close(p.ended)
	}()
	return p, nil
}

// Read says at the end of the program's output why it ended, if it tells.
func (p *process) Read(b []byte) (int, error) {
	n, err := p.Conn.Read(b)
	return n, p.reason(err)
}

// Write does the same.
func (p *process) Write(b []byte) (int, error) {
	n, err := p.Conn.Write(b)
	return n, p.reason(err)
}

// reason replaces err, where it comes from the end of the program, by what is
// known of that. It is an io.EOF then.
func (p *process) reason(err error) error {
	// A program that ends without having read everything resets the line.
	if err == nil || !errors.Is(err, io.EOF) && !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) {
		return err
	}
	err = io.EOF
	select {
	case <-p.ended:
		return p.failure()
	case <-time.After(endPatience):
		return err
	}
}

func (p *process) hasEnded() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

// failure says why the program has ended. It is an io.EOF.
func (p *process) failure() error {
	text := p.said.lastLine()
	switch {
	case text != "" && p.explain != nil:
		return p.explain(text)
	case text != "":
		return fmt.Errorf("%s: %w", text, io.EOF)
	case p.err != nil:
		return fmt.Errorf("the program ended with %w: %w", p.err, io.EOF)
	}
	return io.EOF
}

// Close ends the program and returns when it has ended.
func (p *process) Close() error {
	p.close.Do(func() {
		_ = p.Conn.Close()
		discardUnsentOf(p.cmd.Process.Pid)
		p.signal(syscall.SIGTERM)
		kill := time.AfterFunc(endPatience, func() { p.signal(syscall.SIGKILL) })
		defer kill.Stop()
		<-p.ended
	})
	return nil
}

// signal reaches the programs that it started as well, if it leads a session.
func (p *process) signal(s syscall.Signal) {
	if attr := p.cmd.SysProcAttr; attr != nil && attr.Setsid {
		_ = syscall.Kill(-p.cmd.Process.Pid, s)
		return
	}
	_ = p.cmd.Process.Signal(s)
}

// saying tells what is written to it, line by line, and remembers the last line.
type saying struct {
	tell func(line string)

	mu    sync.Mutex
	line  []byte // the beginning of one
	last  string
	lines int // that were told
}

const (
	maxLine  = 4096 // where a line that has no end is cut, in bytes
	maxLines = 1000 // that are told: who says more would fill the log
)

// Write implements [io.Writer].
func (s *saying) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range p {
		if c == '\n' || len(s.line) == maxLine {
			s.endLine()
		}
		if c != '\n' {
			s.line = append(s.line, c)
		}
	}
	return len(p), nil
}

func (s *saying) flush() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.endLine()
}

// endLine needs s.mu.
func (s *saying) endLine() {
	if text := printable(string(bytes.TrimSpace(s.line))); text != "" {
		s.last = text
		switch s.lines++; {
		case s.lines < maxLines:
			s.tell(text)
		case s.lines == maxLines:
			s.tell("and more, which is not logged")
		}
	}
	s.line = s.line[:0]
}

func (s *saying) lastLine() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last
}

package fusefs

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// programVariable names the program that this binary is, if not the tests.
const programVariable = "FUSEFS_TEST_PROGRAM"

// programs are what tests start as processes of their own.
var programs = map[string]func(args []string) int{
	"do":        programDo,
	"hammer":    programHammer,
	"mapper":    programMapper,
	"mapreader": programMapReader,
	"mounter":   programMounter,
}

// program is one that was started. It is killed at the end of the test.
type program struct {
	*exec.Cmd
	t      *testing.T
	stdin  io.WriteCloser
	output *bufio.Reader
	exited chan struct{}
	thread int // that does the work
}

// start starts a program, whose first line of output is to be "ready" and the
// thread that does the work.
func start(t *testing.T, cmd *exec.Cmd, name string) *program {
	t.Helper()
	// The race detector would wait a second before it exits.
	cmd.Env = append(os.Environ(), programVariable+"="+name, "GORACE=atexit_sleep_ms=0")
	cmd.Stderr = t.Output()
	stdin, err := cmd.StdinPipe()
	require.NoError(t, err)
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	p := &program{Cmd: cmd, t: t, stdin: stdin, output: bufio.NewReader(stdout), exited: make(chan struct{})}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		p.wait()
	})
	_, err = fmt.Sscanf(p.line(), "ready %d", &p.thread)
	require.NoError(t, err)
	return p
}

// self is this binary as a command.
func self(args ...string) *exec.Cmd {
	return exec.Command("/proc/self/exe", args...)
}

// signal sends a signal to the thread that does the work.
func (p *program) signal(sig syscall.Signal) {
	p.t.Helper()
	require.NoError(p.t, unix.Tgkill(p.Process.Pid, p.thread, sig))
}

// line returns the next line of output.
func (p *program) line() string {
	p.t.Helper()
	line, err := p.output.ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		require.NoError(p.t, err)
	}
	return strings.TrimSuffix(line, "\n")
}

// wait waits until the program has exited.
func (p *program) wait() {
	select {
	case <-p.exited:
	default:
		_ = p.Wait()
		close(p.exited)
	}
}

// endsWithin fails the test if the program does not exit in time.
func (p *program) endsWithin(d time.Duration) {
	p.t.Helper()
	exited := make(chan struct{})
	go func() {
		_ = p.Wait()
		close(exited)
	}()
	select {
	case <-exited:
		close(p.exited)
	case <-time.After(d):
		p.t.Errorf("the program has not ended after %v", d)
		<-exited // at the latest when the mount is taken down
		close(p.exited)
	}
}

// programDo does one thing to a file, by the plainest system call, and prints
// the errno. It catches SIGUSR1 and dies of SIGTERM without further ado, as Go
// programs do not.
func programDo(args []string) int {
	runtime.LockOSThread()
	caught := make(chan os.Signal, 1)
	signal.Notify(caught, unix.SIGUSR1)
	var deflt [4]uint64 // a struct kernel_sigaction: SIG_DFL, no flags
	_, _, failed := unix.Syscall6(unix.SYS_RT_SIGACTION, uintptr(unix.SIGTERM),
		uintptr(unsafe.Pointer(&deflt)), 0, 8, 0, 0)
	if failed != 0 {
		return 1
	}
	fmt.Println("ready", unix.Gettid())
	action, file := args[0], args[1]
	var err error
	switch action {
	case "stat":
		err = unix.Stat(file, new(unix.Stat_t))
	case "mkdir":
		err = unix.Mkdir(file, 0o755)
	case "list":
		_, err = os.ReadDir(file)
	case "read", "write":
		var fd int
		fd, err = unix.Open(file, unix.O_RDWR|unix.O_CLOEXEC, 0)
		if err == nil && action == "read" {
			_, err = unix.Pread(fd, make([]byte, 10), 0)
		} else if err == nil {
			_, err = unix.Pwrite(fd, []byte("program"), 0)
		}
	}
	errno, _ := errors.AsType[syscall.Errno](err)
	fmt.Println(unix.ErrnoName(errno))
	return 0
}

// programHammer works on files in a directory for a second, while it gets
// signals as fast as it can: a timer's, one aimed at the working threads, and
// those by which Go stops goroutines to collect garbage. It counts the EINTRs.
func programHammer(args []string) int {
	debug.SetGCPercent(1)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, unix.SIGALRM, unix.SIGUSR1)
	tick := unix.Itimerval{
		Interval: unix.Timeval{Usec: 1000},
		Value:    unix.Timeval{Usec: 1000},
	}
	if _, err := unix.Setitimer(unix.ItimerReal, tick); err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println("ready", unix.Gettid())

	var interrupted, done atomic.Int64
	end := time.Now().Add(time.Second)
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			runtime.LockOSThread()
			tid := unix.Gettid()
			wg.Go(func() {
				for time.Now().Before(end) {
					_ = unix.Tgkill(unix.Getpid(), tid, unix.SIGUSR1)
					time.Sleep(time.Millisecond)
				}
			})
			file := filepath.Join(args[0], fmt.Sprint("hammer", i))
			for time.Now().Before(end) {
				for _, err := range hammer(file) {
					done.Add(1)
					if errors.Is(err, unix.EINTR) {
						interrupted.Add(1)
					} else if err != nil {
						fmt.Println(err)
					}
				}
				runtime.GC()
			}
		})
	}
	wg.Wait()
	fmt.Println(interrupted.Load() == 0 && done.Load() > 0, interrupted.Load(), "of", done.Load())
	return 0
}

// hammer makes system calls on a file that Go's library does not repeat.
func hammer(file string) (errs []error) {
	name, _ := unix.BytePtrFromString(file)
	r, _, errno := unix.Syscall6(unix.SYS_OPENAT, ^uintptr(99), uintptr(unsafe.Pointer(name)),
		unix.O_RDWR|unix.O_CREAT|unix.O_CLOEXEC, 0o644, 0, 0)
	errs = append(errs, asError(errno))
	if errno != 0 {
		return errs
	}
	buf := []byte("hammered")
	for _, call := range []uintptr{unix.SYS_PWRITE64, unix.SYS_FSYNC, unix.SYS_PREAD64} {
		_, _, errno = unix.Syscall6(call, r, uintptr(unsafe.Pointer(&buf[0])), uintptr(len(buf)), 0, 0, 0)
		errs = append(errs, asError(errno))
	}
	_, _, errno = unix.Syscall(unix.SYS_CLOSE, r, 0, 0)
	errs = append(errs, asError(errno))
	_, _, errno = unix.Syscall(unix.SYS_UNLINKAT, ^uintptr(99), uintptr(unsafe.Pointer(name)), 0)
	return append(errs, asError(errno))
}

func asError(errno syscall.Errno) error {
	if errno == 0 {
		return nil
	}
	return errno
}

package fusefs

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// verdict says what the signals that wait for a thread mean for its request.
type verdict int

const (
	unnoticed verdict = iota // none that the program would notice
	noticed                  // a handler of the program's will run
	fatal                    // the program is about to die
)

// signalSet is a set of signals as /proc/PID/status has it: bit n-1 is signal n.
type signalSet uint64

func setOf(signals ...unix.Signal) signalSet {
	var s signalSet
	for _, sig := range signals {
		s |= 1 << (sig - 1)
	}
	return s
}

// harmless are the signals whose default action does not end a program
// (signal(7)).
var harmless = setOf(unix.SIGCHLD, unix.SIGCONT, unix.SIGSTOP, unix.SIGTSTP,
	unix.SIGTTIN, unix.SIGTTOU, unix.SIGURG, unix.SIGWINCH)

// background are signals that programs handle besides whatever they do: ticks of
// timers (git shows its progress by SIGALRM), children that end, windows that
// change, and SIGURG, which Go sends to its own threads by the hundred to stop
// goroutines. None means that the program is tired of waiting, and a system
// call that fails with EINTR for it would surprise.
var background = setOf(unix.SIGALRM, unix.SIGVTALRM, unix.SIGPROF, unix.SIGCHLD,
	unix.SIGCONT, unix.SIGWINCH, unix.SIGURG)

// signals are the signals of a thread (proc_pid_status(5)).
type signals struct {
	pending, blocked, ignored, caught signalSet
}

// verdict judges the pending signals.
func (s signals) verdict() verdict {
	kill := setOf(unix.SIGKILL)
	pending := s.pending &^ s.blocked &^ s.ignored
	switch {
	case (s.pending&kill)|(pending&^s.caught&^harmless) != 0:
		return fatal
	case pending&s.caught&^background != 0:
		return noticed
	}
	return unnoticed
}

// judgeThread judges the signals of a thread. A thread whose signals cannot be
// read, perhaps for being in another PID namespace, has one that it notices:
// the kernel says that it got some signal.
func judgeThread(tid uint32) verdict {
	if tid == 0 {
		return noticed
	}
	status, err := os.ReadFile("/proc/" + strconv.FormatUint(uint64(tid), 10) + "/status")
	if err != nil {
		return noticed
	}
	s, err := parseSignals(status)
	if err != nil {
		return noticed
	}
	return s.verdict()
}

// parseSignals reads a thread's signals from /proc/PID/status.
func parseSignals(status []byte) (signals, error) {
	var s signals
	var shared signalSet
	fields := map[string]*signalSet{
		"SigPnd": &s.pending, "ShdPnd": &shared,
		"SigBlk": &s.blocked, "SigIgn": &s.ignored, "SigCgt": &s.caught,
	}
	missing := len(fields)
	for lines := bufio.NewScanner(bytes.NewReader(status)); lines.Scan(); {
		name, value, _ := bytes.Cut(lines.Bytes(), []byte(":"))
		set, ok := fields[string(name)]
		if !ok {
			continue
		}
		bits, err := strconv.ParseUint(string(bytes.TrimSpace(value)), 16, 64)
		if err != nil {
			return signals{}, fmt.Errorf("%s: %w", name, err)
		}
		*set = signalSet(bits)
		missing--
	}
	if missing > 0 {
		return signals{}, fmt.Errorf("%d signal sets are missing", missing)
	}
	s.pending |= shared
	return s, nil
}

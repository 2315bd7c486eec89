package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// children returns the processes that pid is the parent of.
func children(pid int) []int {
	var pids []int
	tasks, _ := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	for _, task := range tasks {
		list, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/children", pid, task.Name()))
		for field := range strings.FieldsSeq(string(list)) {
			if child, err := strconv.Atoi(field); err == nil {
				pids = append(pids, child)
			}
		}
	}
	return pids
}

// descendants returns the children of pid, and theirs.
func descendants(pid int) []int {
	var pids []int
	for _, child := range children(pid) {
		pids = append(pids, child)
		pids = append(pids, descendants(child)...)
	}
	return pids
}

// running reports whether a process is there and has not ended. One that has
// ended stays a zombie until its parent asks for its exit status.
func running(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	// The name in parentheses may hold anything, spaces too.
	_, rest, found := strings.Cut(string(stat[strings.LastIndexByte(string(stat), ')')+1:]), " ")
	return found && !strings.HasPrefix(rest, "Z") && !strings.HasPrefix(rest, "X")
}

// processName returns the first 15 bytes of the name of a process.
func processName(pid int) string {
	comm, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	return strings.TrimSpace(string(comm))
}

// hasOpen reports whether a process has a file open.
func hasOpen(pid int, path string) bool {
	dir := fmt.Sprintf("/proc/%d/fd", pid)
	files, _ := os.ReadDir(dir)
	return slices.ContainsFunc(files, func(f os.DirEntry) bool {
		target, _ := os.Readlink(filepath.Join(dir, f.Name()))
		return target == path
	})
}

func commandLine(pid int) string {
	line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	return strings.TrimSpace(strings.ReplaceAll(string(line), "\x00", " "))
}

// kill sends a signal; that the process has ended already is no failure.
func kill(pid int, signal syscall.Signal) {
	_ = syscall.Kill(pid, signal)
}

// eventually waits until done reports true, and fails the test after patience.
func eventually(t testing.TB, patience time.Duration, done func() bool, what string, args ...any) {
	t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		if done() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	require.Failf(t, "waited "+patience.String()+" in vain", what, args...)
}

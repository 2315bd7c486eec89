package fusefs

import (
	"os"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestVerdict(t *testing.T) {
	tests := []struct {
		name string
		s    signals
		want verdict
	}{
		{"nothing", signals{}, unnoticed},
		{"kill", signals{pending: setOf(unix.SIGKILL)}, fatal},
		{"kill, which cannot be blocked", signals{pending: setOf(unix.SIGKILL), blocked: ^signalSet(0)}, fatal},
		{"Ctrl-C", signals{pending: setOf(unix.SIGINT)}, fatal},
		{"Ctrl-C, handled", signals{pending: setOf(unix.SIGINT), caught: setOf(unix.SIGINT)}, noticed},
		{"Ctrl-C, blocked", signals{pending: setOf(unix.SIGINT), blocked: setOf(unix.SIGINT)}, unnoticed},
		{"Ctrl-C, ignored", signals{pending: setOf(unix.SIGINT), ignored: setOf(unix.SIGINT)}, unnoticed},
		{"Ctrl-\\", signals{pending: setOf(unix.SIGQUIT)}, fatal},
		{"a timer, handled", signals{pending: setOf(unix.SIGALRM), caught: setOf(unix.SIGALRM)}, unnoticed},
		{"a timer, not handled", signals{pending: setOf(unix.SIGALRM)}, fatal},
		{"Go's own", signals{pending: setOf(unix.SIGURG), caught: setOf(unix.SIGURG)}, unnoticed},
		{"urgent data", signals{pending: setOf(unix.SIGURG)}, unnoticed},
		{"a child", signals{pending: setOf(unix.SIGCHLD)}, unnoticed},
		{"a child, handled", signals{pending: setOf(unix.SIGCHLD), caught: setOf(unix.SIGCHLD)}, unnoticed},
		{"a window", signals{pending: setOf(unix.SIGWINCH)}, unnoticed},
		{"Ctrl-Z", signals{pending: setOf(unix.SIGTSTP)}, unnoticed},
		{"a real-time signal", signals{pending: 1 << 40}, fatal},
		{"Go's own, and Ctrl-C", signals{
			pending: setOf(unix.SIGURG, unix.SIGINT), caught: setOf(unix.SIGURG)}, fatal},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			assert.Equal(t, test.want, test.s.verdict())
		})
	}
}

func TestParseSignals(t *testing.T) {
	s, err := parseSignals([]byte("Name:\tcat\nState:\tD (disk sleep)\nSigQ:\t1/7\n" +
		"SigPnd:\t0000000000000100\nShdPnd:\t0000000000000002\nSigBlk:\t0000000000010000\n" +
		"SigIgn:\t0000000000001000\nSigCgt:\tfffffffc00000000\nCapInh:\t0\n"))
	require.NoError(t, err)
	assert.Equal(t, signals{
		pending: setOf(unix.SIGKILL, unix.SIGINT),
		blocked: setOf(unix.SIGCHLD),
		ignored: setOf(unix.SIGPIPE),
		caught:  0xfffffffc00000000,
	}, s)

	for _, bad := range []string{"", "SigPnd:\t0\n", "SigPnd:\tx\n", "no colon"} {
		_, err := parseSignals([]byte(bad))
		require.Error(t, err, bad)
	}
	status, err := os.ReadFile("/proc/" + strconv.Itoa(os.Getpid()) + "/status")
	require.NoError(t, err)
	s, err = parseSignals(status)
	require.NoError(t, err)
	assert.NotZero(t, s.caught&setOf(unix.SIGURG), "this is a Go program")
}

func TestJudgeThread(t *testing.T) {
	assert.Equal(t, noticed, judgeThread(0), "no thread that is known here")
	assert.Equal(t, noticed, judgeThread(1<<31), "no thread at all")
	assert.Equal(t, unnoticed, judgeThread(uint32(unix.Gettid())))
}

package demo

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A stage is where the demo plays: a directory, and a shell whose commands are
// shown with what they print.
type stage struct {
	t   *testing.T
	ctx context.Context
	dir string
	bin string // holds the program
}

func (s *stage) say(lines ...string) {
	fmt.Printf("\n%s\n", strings.Join(lines, "\n"))
}

// run shows commands and runs them one after the other. Each must succeed.
func (s *stage) run(commands ...string) {
	s.t.Helper()
	for _, command := range commands {
		s.start(command).wait()
	}
}

// A job is a command that runs.
type job struct {
	stage *stage
	cmd   *exec.Cmd
	out   bytes.Buffer
}

func (s *stage) start(command string) *job {
	s.t.Helper()
	fmt.Printf("\n$ %s\n", command)
	j := &job{stage: s, cmd: exec.CommandContext(s.ctx, "bash", "-c", "set -o pipefail; "+command)}
	j.cmd.Dir = s.dir
	j.cmd.Env = append(os.Environ(), "HOME="+s.dir, "PATH="+s.bin+":"+os.Getenv("PATH"), "LC_ALL=C",
		"TIMEFORMAT=%1R seconds", "SSH_AUTH_SOCK=", "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=Demo", "GIT_AUTHOR_EMAIL=demo@localhost",
		"GIT_COMMITTER_NAME=Demo", "GIT_COMMITTER_EMAIL=demo@localhost")
	j.cmd.Stdout, j.cmd.Stderr = &j.out, &j.out
	j.cmd.WaitDelay = time.Second
	require.NoError(s.t, j.cmd.Start())
	return j
}

func (j *job) wait() {
	j.stage.t.Helper()
	err := j.cmd.Wait()
	fmt.Print(j.out.String())
	require.NoError(j.stage.t, err, "%s", j.out.String())
}

// unmount is for a demo that broke off before its own unmount.
func (s *stage) unmount() {
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil || !strings.Contains(string(mounts), " "+s.dir+"/mnt ") {
		return
	}
	if out, err := exec.Command("fusermount3", "-uz", s.dir+"/mnt").CombinedOutput(); err != nil {
		s.t.Errorf("unmounting: %v: %s", err, out)
	}
}

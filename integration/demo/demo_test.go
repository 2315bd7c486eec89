// Package demo shows sftpmount to a newcomer: it mounts a server that runs
// inside the demo, uses it as one uses any directory, and prints each command
// with what it answers. "make demo" runs it; "make test" runs it silently.
package demo

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sftpmount/sftpconn/sftptest"
)

var program = flag.String("program", "", "show the program at `path` instead of building one")

func TestDemo(t *testing.T) {
	if _, err := os.Stat("/dev/fuse"); err != nil {
		fmt.Println("The demo cannot be shown here: the kernel offers no FUSE (/dev/fuse is missing).")
		t.Skip("no /dev/fuse")
	}
	// Ctrl-C ends the demo like a failure, so that it cleans up.
	ctx, stop := signal.NotifyContext(t.Context(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	dir := makeDir(t)
	s := &stage{t: t, ctx: ctx, dir: dir, bin: filepath.Join(dir, "bin")}
	installProgram(t, s.bin)
	server := startServer(t, dir)

	s.say("sftpmount makes a directory of a server appear on this machine, over SSH.",
		"This demo brings its own server and needs no other machine.",
		"",
		"An SSH server now listens on "+server.Addr()+".",
		"It serves the directory 'server' in "+dir+", where the demo is.",
		"The file ssh_config, as in ~/.ssh, says how to reach it by the name 'demo'.")
	s.run("cat ssh_config")

	s.say("Mount it on the directory 'mnt'. The command returns when the mount is there.")
	s.run("sftpmount -F ssh_config demo: mnt")
	t.Cleanup(s.unmount)
	s.run("mount | grep "+dir, "df -h mnt")

	s.say("From here on these are ordinary programs on an ordinary directory.")
	s.run("ls -l mnt", "cat mnt/greeting.txt")
	s.say("What is written to the mount is on the server when the program has ended.")
	s.run("echo 'written through the mount' > mnt/new.txt", "cat server/new.txt")

	s.say("Git works on it.")
	s.run("git init -q mnt/repository",
		"cd mnt/repository && echo one > file && git add file && git commit -qm first && git log --oneline",
		"git clone -q mnt/repository mnt/clone && ls mnt/clone && git -C mnt/clone status --short --branch")

	s.say("Copy 64 MiB to the server and back, and compare.")
	s.run("head -c 64M /dev/urandom > big",
		"time cp big mnt/big",
		"time cp mnt/big back",
		"sha256sum big server/big back")
	s.dropTheLink(server)

	s.say("Unmount. The program in the background ends by itself.")
	s.run("fusermount3 -u mnt", "ls -A mnt")
	s.say("That was all. The server, the files and the mount are gone again.",
		"With a server of yours:  sftpmount user@host:directory mountpoint")
}

// dropTheLink cuts the connection while a file is read.
func (s *stage) dropTheLink(server *sftptest.Server) {
	s.say("Now the connection is cut while a program has a file open.",
		"The program notices nothing but a pause.")
	reader := s.start("(head -c 1M; sleep 1; cat) < mnt/large | cmp - server/large && echo 'the same bytes'")
	time.Sleep(500 * time.Millisecond)
	server.Drop()
	s.say("(the connection was cut just now)")
	reader.wait()
}

// makeDir makes the directory that all of the demo happens in.
func makeDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "sftpmount-demo-")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	return dir
}

// installProgram puts the program into the directory bin.
func installProgram(t *testing.T, bin string) {
	t.Helper()
	require.NoError(t, os.Mkdir(bin, 0o755))
	target := filepath.Join(bin, "sftpmount")
	if *program == "" {
		out, err := exec.CommandContext(t.Context(), "go", "build", "-o", target, "sftpmount/cmd/sftpmount").CombinedOutput()
		require.NoError(t, err, "go build: %s", out)
		return
	}
	path, err := filepath.Abs(*program)
	require.NoError(t, err)
	require.NoError(t, os.Symlink(path, target))
}

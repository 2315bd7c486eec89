package integration

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// newMount is a mount of an empty directory of a server of its own.
func newMount(t *testing.T, args ...string) *mount {
	t.Helper()
	return mountDir(t, startSSHD(t), t.TempDir(), args...)
}

func TestCopyTree(t *testing.T) {
	t.Parallel()
	m := newMount(t)
	tree := makeTree(t, 12, 6)
	run(t, "/", "cp", "-a", tree, m.path("in"))
	sameTree(t, tree, m.onServer("in"))
	sameTree(t, tree, m.path("in"))

	back := t.TempDir() + "/back"
	run(t, "/", "cp", "-a", m.path("in"), back)
	sameTree(t, tree, back)

	run(t, m.dir, "cp", "-a", "in", "copy")
	sameTree(t, tree, m.onServer("copy"))
}

func TestMove(t *testing.T) {
	t.Parallel()
	m := newMount(t)
	tree := makeTree(t, 8, 4)
	original := t.TempDir() + "/original"
	run(t, "/", "cp", "-a", tree, original)

	run(t, "/", "mv", tree, m.path("in")) // over from another file system
	sameTree(t, original, m.onServer("in"))
	run(t, m.dir, "mv", "in", "renamed")
	sameTree(t, original, m.path("renamed"))
	assert.NoDirExists(t, m.onServer("in"))
	back := t.TempDir() + "/back"
	run(t, m.dir, "mv", "renamed", back)
	sameTree(t, original, back)
	assert.NoDirExists(t, m.onServer("renamed"))
}

func TestTar(t *testing.T) {
	t.Parallel()
	m := newMount(t)
	tree := makeTree(t, 12, 6)
	archive := t.TempDir() + "/tree.tar.gz"
	run(t, tree, "tar", "czf", archive, ".")

	run(t, m.dir, "mkdir", "tree")
	run(t, m.path("tree"), "tar", "xzf", archive)
	sameTree(t, tree, m.onServer("tree"))

	run(t, m.dir, "tar", "czf", "copy.tar.gz", "tree")
	run(t, m.dir, "tar", "dzf", "copy.tar.gz")
}

func TestRemoveTree(t *testing.T) {
	t.Parallel()
	m := newMount(t)
	run(t, "/", "cp", "-a", makeTree(t, 20, 6), m.onServer("tree"))
	run(t, m.dir, "rm", "-r", "tree")
	assert.NoDirExists(t, m.onServer("tree"))
}

func TestRsync(t *testing.T) {
	t.Parallel()
	m := newMount(t)
	tree := makeTree(t, 10, 5)
	for _, flags := range []string{"-a", "-a --inplace", "-a --whole-file --fsync", "-a --append-verify"} {
		run(t, "/", "bash", "-c", "echo grown >> '"+tree+"/folder 0/file1'")
		run(t, "/", append(append([]string{"rsync"}, strings.Fields(flags)...), "--delete", tree+"/", m.path("in")+"/")...)
		sameTree(t, tree, m.onServer("in"))
		changes := run(t, "/", "rsync", "-ani", "--checksum", "--delete", tree+"/", m.path("in")+"/")
		assert.Empty(t, changes, "rsync %s left differences", flags)
	}
}

func TestFindAndDu(t *testing.T) {
	t.Parallel()
	m := newMount(t)
	run(t, "/", "cp", "-a", makeTree(t, 20, 6), m.onServer("tree"))
	for _, command := range []string{
		"find . | sort",
		"find . -type f -size +10k | sort",
		"find . -type l -printf '%p %l\n' | sort",
		"find . -type f -perm 600 -newermt 2020-01-01 | sort",
		"du -b --apparent-size -a tree | grep -v folder' '[0-9]*$ | sort",
		"grep -rlc a . | sort",
		"wc -c tree/*/file* | sort",
	} {
		sameText(t, shell(t, m.remote, command), shell(t, m.dir, command), "%s", command)
	}
}

func TestDd(t *testing.T) {
	t.Parallel()
	m := newMount(t)
	source := t.TempDir() + "/source"
	shell(t, "/", "head -c 3000007 /dev/urandom > "+source)
	for i, flags := range []string{
		"bs=512", "bs=4k conv=fsync", "bs=64k oflag=append conv=notrunc", "bs=1M", "bs=777777 conv=fdatasync",
		"bs=1M oflag=direct iflag=fullblock", "bs=128k oflag=sync",
	} {
		name := "copy" + strconv.Itoa(i)
		run(t, m.dir, append([]string{"dd", "if=" + source, "of=" + name, "status=none"}, strings.Fields(flags)...)...)
		run(t, "/", "cmp", source, m.onServer(name))
		run(t, m.dir, append([]string{"dd", "of=/dev/null", "if=" + name, "status=none"}, "bs="+strconv.Itoa(1000<<i))...)
		run(t, "/", "cmp", source, m.path(name))
	}
	// A block in the middle, out of order.
	run(t, m.dir, "dd", "if="+source, "of=copy0", "bs=100", "skip=3", "seek=7000", "count=11", "conv=notrunc", "status=none")
	run(t, m.dir, "cmp", source, "copy0", "--bytes=700000")
	run(t, "/", "cmp", m.onServer("copy0"), m.path("copy0"))
}

func TestTruncate(t *testing.T) {
	t.Parallel()
	m := newMount(t)
	m.write("file", strings.Repeat("0123456789", 1000))
	for _, size := range []string{"9999", "5000", "0", "70000", "65536", "+1", "-4097"} {
		run(t, m.dir, "truncate", "-s", size, "file")
		run(t, "/", "cmp", m.onServer("file"), m.path("file"))
		assert.Equal(t, shell(t, m.remote, "stat -c %s file"), shell(t, m.dir, "stat -c %s file"))
	}
	sameText(t, strings.Repeat("\x00", 61440), m.serverFile("file"), "zeros")
}

func TestModesAndDates(t *testing.T) {
	t.Parallel()
	m := newMount(t)
	m.write("file", "x")
	run(t, m.dir, "mkdir", "-m", "750", "dir")
	const stat = "stat -c '%n %a %u %g %X %Y' file dir"
	for _, command := range []string{
		"chmod 4751 file", "chmod g-x,o=r file", "chmod +t dir", "touch -d '2001-02-03 04:05:06' file dir",
		"touch -a -d '2011-11-11' file", "touch -m -d '2012-12-12' file",
	} {
		shell(t, m.dir, command)
		assert.Equal(t, shell(t, m.remote, stat), shell(t, m.dir, stat), command)
	}
	shell(t, m.dir, "cp -p file kept; cmp file kept; install -m 600 file installed")
	assert.Equal(t, "4744 2012", shell(t, m.remote, "stat -c %a file | tr '\n' ' '; date -u -r file +%Y | tr -d '\n'"),
		"%s", shell(t, m.remote, "ls -l"))
	assert.Equal(t, "600 4744\n", shell(t, m.remote, "echo $(stat -c %a installed kept)"))
	shell(t, m.dir, "umask 077; touch private; mkdir closed")
	assert.Equal(t, "600 700\n", shell(t, m.remote, "echo $(stat -c %a private closed)"))
}

func TestOwners(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("only root can give files away")
	}
	m := newMount(t)
	m.write("file", "x")
	run(t, m.dir, "ln", "-s", "file", "link")
	run(t, m.dir, "chown", "12:34", "file")
	run(t, m.dir, "chgrp", "56", "file")
	run(t, m.dir, "chown", "-h", "78:90", "link")
	const stat = "echo $(stat -c %u:%g file link)"
	assert.Equal(t, "12:56 78:90\n", shell(t, m.remote, stat))
	assert.Equal(t, "12:56 78:90\n", shell(t, m.dir, stat))
}

func TestLinks(t *testing.T) {
	t.Parallel()
	m := newMount(t)
	m.write("file", "content")
	run(t, m.dir, "ln", "file", "hard")
	run(t, m.dir, "ln", "-s", "file", "soft")
	run(t, m.dir, "ln", "-sfn", "hard", "soft")
	assert.Equal(t, "content", m.mountFile("hard"))
	assert.Equal(t, "content", m.mountFile("soft"))
	run(t, m.remote, "test", "file", "-ef", "hard")
	assert.Equal(t, "hard\n", run(t, m.remote, "readlink", "soft"))
	_, err := tryRun(t, m.dir, "ln", "file", "hard")
	require.Error(t, err, "a second link of one name")
	run(t, m.dir, "rm", "file")
	assert.Equal(t, "content", m.mountFile("hard"))
}

func TestDf(t *testing.T) {
	t.Parallel()
	m := newMount(t)
	const df = "df --output=size,itotal . | tail -n 1"
	assert.Equal(t, shell(t, m.remote, df), shell(t, m.dir, df))
}

func TestSpecialFiles(t *testing.T) {
	t.Parallel()
	m := newMount(t)
	for _, argv := range [][]string{{"mkfifo", "fifo"}, {"mknod", "null", "c", "1", "3"}} {
		out, err := tryRun(t, m.dir, argv...)
		require.Error(t, err)
		assert.Regexp(t, "not permitted|not supported", out)
	}
	out, err := tryRun(t, m.dir, "python3", "-c", "import os; os.setxattr('.', 'user.a', b'b')")
	require.Error(t, err)
	assert.Contains(t, out, "[Errno 95]", "an extended attribute is ENOTSUP")
	run(t, m.dir, "python3", "-c", "import os, stat; os.mknod('regular', stat.S_IFREG | 0o640)")
	assert.Equal(t, "640\n", run(t, m.remote, "stat", "-c", "%a", "regular"))
}

func TestGoBuild(t *testing.T) {
	t.Parallel()
	m := newMount(t)
	shell(t, m.dir, `
		mkdir greeting
		printf 'module example.test/hello\n\ngo 1.22\n' > go.mod
		printf 'package greeting\n\nconst Text = "hello"\n' > greeting/text.go
		printf 'package main\n\nimport "example.test/hello/greeting"\n\nfunc main() { println(greeting.Text) }\n' > main.go
		go vet ./...
		go build -o hello .
		./hello`)
	assert.Equal(t, "hello\n", run(t, m.remote, "./hello"))
}

package integration

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sftpmount/sftpconn/sftptest"
)

// contenders are who does the work: two programs on a mount, and the server
// itself.
var contenders = []string{"sshfs", "sftpmount", onServer}

const (
	onServer = "ssh"

	// benchRate is that of the line, where it has a delay, in bytes per second.
	benchRate = 125_000_000

	// benchPatience is how long one workload may take.
	benchPatience = 15 * time.Minute
)

// bench is a server with the workloads' material, and a line to it.
type bench struct {
	t      *testing.T
	client *client
	env    []string
	data   string            // the directory on the server
	big    int64             // bytes
	expect map[string]string // what each workload prints
}

func newBench(t *testing.T, delay time.Duration, big int64) *bench {
	t.Helper()
	s := startSSHD(t)
	port := s.port
	if delay > 0 {
		_, port = farLine(t, s, delay)
	}
	b := &bench{t: t, data: t.TempDir(), big: big, expect: map[string]string{}}
	b.client = newClient(t, s, userName(t, os.Getuid()), port)
	local := t.TempDir()
	ssh := fmt.Sprintf("ssh -F %s -S %s %s", b.client.config, b.client.path("control"), hostAlias)
	b.env = append(os.Environ(), "DATA="+b.data, "LOCAL="+local, "SSH="+ssh)
	for name, size := range map[string]int64{"big": big, "part": big / 16, "quarter": big / 4} {
		writeBig(t, filepath.Join(local, name), size)
	}
	b.shell(b.data, "cp $LOCAL/big big\n"+material)
	b.shell("/", "$SSH -f -N -M") // the connection that stands
	t.Cleanup(func() { b.shell("/", "$SSH -O exit 2>&1") })
	return b
}

// farLine is a line to s that lets benchRate pass, and the port of its near end.
func farLine(t *testing.T, s *sshd, delay time.Duration) (*sftptest.Link, int) {
	t.Helper()
	link := sftptest.NewLink(t, s.addr())
	link.SetDelay(delay)
	link.SetRate(benchRate)
	_, text, err := net.SplitHostPort(link.Addr())
	require.NoError(t, err)
	port, err := strconv.Atoi(text)
	require.NoError(t, err)
	return link, port
}

func writeBig(t *testing.T, path string, size int64) {
	t.Helper()
	f, err := os.Create(path)
	require.NoError(t, err)
	defer f.Close()
	_, err = io.CopyN(f, rand.NewChaCha8([32]byte{1}), size)
	require.NoError(t, err)
}

// shell runs a script, which must succeed, and returns what it printed.
func (b *bench) shell(dir, script string, env ...string) string {
	b.t.Helper()
	cmd := exec.Command("timeout", strconv.Itoa(int(benchPatience.Seconds())),
		"bash", "-euc", "cd \"$0\"; set -o pipefail\n"+script, dir)
	cmd.Env = slices.Concat(b.env, env)
	out := new(strings.Builder)
	cmd.Stdout, cmd.Stderr = out, out
	require.NoError(b.t, cmd.Run(), "%s\n%s", script, out)
	return out.String()
}

// measure has one contender do the work once, with nothing in any cache of its
// own and of the kernel's. What is on the server is in the server's memory.
func (b *bench) measure(w workload, who string) sample {
	b.t.Helper()
	scratch := "SCRATCH=" + b.t.TempDir()
	b.shell(b.data, w.prepare)
	var s sample
	var printed string
	if who == onServer {
		script := w.bound
		if script == "" {
			script = "$SSH 'cd " + b.data + " && " + w.run + "'"
		}
		start := time.Now()
		printed = b.shell("/", script, scratch)
		s.took = time.Since(start)
	} else {
		m := b.mount(who)
		start, before := time.Now(), m.usage()
		printed = b.shell(m.dir, w.run, scratch)
		s.took = time.Since(start)
		after := m.usage()
		s.cpu, s.memory = after.cpu-before.cpu, after.memory
		b.end(m, who)
	}
	b.shell(b.data, w.check, scratch)
	switch {
	case w.printed:
		rate, err := strconv.ParseFloat(strings.TrimSpace(printed), 64)
		require.NoError(b.t, err)
		s.perSec = rate
		return s
	case w.bytes:
		s.perSec = float64(b.big) / float64(max(w.share, 1)) / s.took.Seconds()
	}
	if want, ok := b.expect[w.name]; ok {
		require.Equal(b.t, want, printed, "%s: %s prints something else than who came before", w.name, who)
	}
	b.expect[w.name] = printed
	return s
}

// mount mounts with a program and its default options.
func (b *bench) mount(who string) *mount {
	b.t.Helper()
	m := prepareMount(b.t, b.client, b.data)
	cmd := m.command(hostAlias+":"+b.data, m.dir)
	if who == "sshfs" {
		cmd.Args[0] = "sshfs"
		cmd.Path, cmd.Err = exec.LookPath("sshfs")
		require.NoError(b.t, cmd.Err, "sshfs is needed for comparison")
	}
	m.startCommand(cmd)
	m.watchdog.timer.Reset(benchPatience + time.Minute)
	return m
}

// end unmounts. sshfs needs long to end after much work, and may then not end at
// all.
func (b *bench) end(m *mount, who string) {
	b.t.Helper()
	require.NoError(b.t, unmount(m.dir))
	defer m.watchdog.stop()
	if who != "sshfs" {
		m.waitForEnd(0)
		return
	}
	select {
	case <-m.ended:
	case <-time.After(endPatience):
		_ = m.process.Kill()
		<-m.ended
	}
}

// usage is what the processes of a mount used so far.
type usage struct {
	cpu    time.Duration
	memory int64 // most, bytes
}

func (m *mount) usage() usage {
	m.t.Helper()
	var total usage
	pids := append(descendants(m.process.Pid), m.process.Pid)
	for _, pid := range children(os.Getpid()) {
		// sshfs lets go of its ssh, which this process then adopts.
		if strings.HasSuffix(commandLine(pid), "-s sftp") {
			pids = append(pids, pid)
		}
	}
	for _, pid := range pids {
		// proc(5): utime and stime are fields 14 and 15, in ticks of 1/100 s.
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		require.NoError(m.t, err)
		fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
		for _, field := range fields[11:13] {
			ticks, err := strconv.Atoi(field)
			require.NoError(m.t, err)
			total.cpu += time.Duration(ticks) * 10 * time.Millisecond
		}
		total.memory += peakMemory(m.t, pid)
	}
	return total
}

// peakMemory is the most resident memory that a process ever had, in bytes. One
// that has ended has none.
func peakMemory(t testing.TB, pid int) int64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	require.NoError(t, err)
	_, rest, found := strings.Cut(string(status), "VmHWM:")
	if !found {
		return 0
	}
	kib, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
	require.NoError(t, err)
	return kib << 10
}

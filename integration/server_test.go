package integration

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// serverFaults are those that the server makes, not the line.
var serverFaults = []fault{
	{"restart", func(m *linkedMount, outage time.Duration) {
		m.server.stop()
		time.Sleep(outage)
		m.server.start()
	}},
	{"dead session", func(m *linkedMount, _ time.Duration) { m.server.kill(m.server.sessions) }},
	{"dead sftp-server", func(m *linkedMount, _ time.Duration) { m.server.kill(m.server.sftpServers) }},
}

// copyThereAndBack copies a tree to the mount and back again.
func (m *linkedMount) copyThereAndBack(tree, name string) {
	m.t.Helper()
	run(m.t, "/", "cp", "-a", tree, m.path(name))
	m.sameTrees(tree, m.onServer(name))
	back := filepath.Join(m.t.TempDir(), name)
	run(m.t, "/", "cp", "-a", m.path(name), back)
	m.sameTrees(tree, back)
	require.NoError(m.t, os.RemoveAll(back))
}

// Copies in both directions are whole, though the server fails under them.
func TestServerFaultsDuringCopy(t *testing.T) {
	t.Parallel()
	for _, f := range serverFaults {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			random := newRandom(t)
			m := newLinkedMount(t)
			tree := makeTree(t, 6, 5)
			writeRandom(t, tree+"/big", 64<<20, random)
			storm(t, m, newWeather([]fault{f}, 2500*time.Millisecond, random), func() {
				repeat(t, func(round int) {
					name := fmt.Sprintf("tree%d", round)
					m.copyThereAndBack(tree, name)
					require.NoError(t, os.RemoveAll(m.path(name)))
				})
			})
		})
	}
}

// What a server may be set to must not matter.
func TestServerSettings(t *testing.T) {
	t.Parallel()
	for _, setting := range []string{"MaxSessions 1", "RekeyLimit 1M", "Subsystem sftp internal-sftp"} {
		t.Run(setting, func(t *testing.T) {
			t.Parallel()
			s := startSSHD(t, setting, "LogLevel DEBUG1")
			m := linkTo(t, s, "-o", "ServerAliveInterval=30") // a busy machine is no drop
			random := newRandom(t)
			content := string(randomBytes(64<<20, random))
			m.write("file", content)
			sameText(t, content, m.serverFile("file"), "written")
			m.writeOnServer("file", content[100:])
			sameText(t, content[100:], m.mountFile("file"), "read")
			tree := makeTree(t, 6, 4)
			run(t, "/", "cp", "-a", tree, m.path("tree"))
			sameTree(t, tree, m.onServer("tree"))
			assert.Equal(t, 1, m.link.Connections(), "no setting ends the connection")
			if setting == "RekeyLimit 1M" {
				assert.Greater(t, s.timesSaid("SSH2_MSG_NEWKEYS received"), 100, "keys are exchanged")
			}
		})
	}
}

// A server that looks after its clients throws out one that is silent, which is
// one more drop. Here the client would have waited for longer.
func TestServerDropsSilentClient(t *testing.T) {
	t.Parallel()
	s := startSSHD(t, "ClientAliveInterval 1", "ClientAliveCountMax 2")
	m := linkTo(t, s, "-o", "ServerAliveInterval=30")
	content := strings.Repeat("0123456789", 3_000_000)
	m.writeOnServer("there", content)
	done := make(chan struct{})
	go func() {
		defer close(done)
		m.link.Stall()
		defer m.link.Resume()
		eventually(t, 30*time.Second, func() bool { return s.timesSaid("Timeout, client not responding") > 0 }, "the server waits on")
	}()
	f := hold(t, m.path("file"), os.O_WRONLY|os.O_CREATE)
	_, err := io.WriteString(f, content)
	require.NoError(t, errors.Join(err, f.Close()))
	<-done
	sameText(t, content, m.serverFile("file"), "written")
	sameText(t, content, m.mountFile("there"), "read")
	assert.Greater(t, m.link.Connections(), 1)
}

package metrics

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sftpmount/cmd/sftpmount/internal/stats"
	"sftpmount/cmd/sftpmount/internal/status"
	"sftpmount/fusefs"
)

type fakeMount struct {
	*stats.Recorder
	report status.Report
}

func (m *fakeMount) Report() status.Report { return m.report }

func newFakeMount() *fakeMount {
	m := &fakeMount{Recorder: stats.New(), report: status.Report{
		Version: "v1", Source: "host:/dir", Mountpoint: "/mnt/\xff",
		Connection: status.Connection{State: "up", Number: 3},
		Unsent:     status.Unsent{Bytes: 1 << 40},
	}}
	for _, took := range []time.Duration{time.Millisecond, 10 * time.Millisecond, time.Second} {
		m.End(&fusefs.Request{Operation: "read", Took: took, Bytes: 100})
	}
	m.End(&fusefs.Request{Operation: "mkdir", Errno: syscall.EEXIST})
	return m
}

func TestMetricsAreWellFormed(t *testing.T) {
	problems, err := testutil.CollectAndLint(newCollector(newFakeMount()))
	require.NoError(t, err)
	assert.Empty(t, problems)
}

func TestServer(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "s")
	// A socket that a killed process left, and nothing else, is replaced.
	dead, err := net.Listen("unix", socket)
	require.NoError(t, err)
	dead.(*net.UnixListener).SetUnlinkOnClose(false)
	require.NoError(t, dead.Close())
	listener, err := Listen("unix:" + socket)
	require.NoError(t, err)
	info, err := os.Stat(socket)
	require.NoError(t, err)
	assert.Equal(t, os.ModeSocket|0o600, info.Mode())
	_, err = Listen("unix:" + socket)
	require.ErrorIs(t, err, syscall.EADDRINUSE, "somebody listens there")
	require.NoError(t, os.WriteFile(socket+".txt", []byte("precious"), 0o600))
	_, err = Listen("unix:" + socket + ".txt")
	require.ErrorIs(t, err, syscall.EADDRINUSE)
	assert.FileExists(t, socket+".txt")

	server, err := Serve(listener, newFakeMount())
	require.NoError(t, err)
	client := http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}}}
	response, err := client.Get("http://host/metrics")
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	for _, line := range []string{
		`sftpmount_up 1`,
		`sftpmount_info{mountpoint="/mnt/?",source="host:/dir",version="v1"} 1`,
		`sftpmount_connections_total 3`,
		`sftpmount_unsent_bytes 1.099511627776e+12`,
		`sftpmount_operation_errors_total{operation="mkdir"} 1`,
		`sftpmount_operation_duration_seconds_bucket{operation="read",le="0.001024"} 1`,
		`sftpmount_operation_duration_seconds_bucket{operation="read",le="0.016384"} 2`,
		`sftpmount_operation_duration_seconds_bucket{operation="read",le="+Inf"} 3`,
		`sftpmount_operation_duration_seconds_count{operation="read"} 3`,
		`go_goroutines `,
		`process_open_fds `,
	} {
		assert.Contains(t, string(body), "\n"+line, strings.Split(line, "{")[0])
	}
	dashboard, err := os.ReadFile("../../../../docs/grafana.json")
	require.NoError(t, err)
	names := regexp.MustCompile(`sftpmount_\w+|process_\w+`).FindAllString(string(dashboard), -1)
	require.Greater(t, len(names), 12)
	for _, name := range names {
		assert.Contains(t, string(body), "\n"+name, "shown by docs/grafana.json")
	}
	server.Close()
	assert.NoFileExists(t, socket)
}

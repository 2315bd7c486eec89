package integration

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// changes are what an audit log must tell of, a shell command and what comes of
// it. ROOT is the remote directory.
const changes = `
mkdir dir                    | mkdir ROOT/dir ok
printf 12345 > dir/a         | create ROOT/dir/a ok; write ROOT/dir/a 5 ok
printf 1234567 >> dir/a      | write ROOT/dir/a 7 ok
printf 123 > dir/a           | truncate ROOT/dir/a ok; write ROOT/dir/a 3 ok
chmod 640 dir/a              | setattr ROOT/dir/a {"mode":"0640"} ok
truncate -s 9 dir/a          | setattr ROOT/dir/a {"size":9} ok
touch -d @1000000000 dir/a   | setattr ROOT/dir/a {"atime":"2001-09-09T01:46:40Z","mtime":"2001-09-09T01:46:40Z"} ok
cat dir/a                    |
mv dir/a b                   | rename ROOT/dir/a ROOT/b ok
ln b c                       | link ROOT/b ROOT/c ok
ln -s b link                 | symlink ROOT/link > b ok
fallocate -l 20 c            | fallocate ROOT/c {"size":20} ok
fallocate -p -l 5 c \|\| true  | fallocate ROOT/c ENOTSUP
head -c 100000 /dev/zero > d; cp --reflink=auto d e | create ROOT/d ok; write ROOT/d 100000 ok; create ROOT/e ok; copy_file_range ROOT/e 100000 ok
mknod f p \|\| true           | mknod ROOT/f EPERM
rm b                         | unlink ROOT/b ok
rmdir dir                    | rmdir ROOT/dir ok
mkdir file/dir 2>&- \|\| true  |
mkdir $'\xff'                | mkdir ROOT/� ok (ROOT/ÿ)
`

func TestAuditLog(t *testing.T) {
	t.Parallel()
	log := t.TempDir() + "/audit"
	m := newMount(t, "-o", "audit_log="+log, "-o", "attr_timeout=0")
	m.writeOnServer("file", "content")
	seen := 0
	for row := range strings.Lines(strings.TrimSpace(changes)) {
		command, want, _ := strings.Cut(strings.ReplaceAll(row, `\|\|`, "or"), "|")
		shell(t, m.dir, strings.ReplaceAll(command, "or", "||"))
		lines := auditLines(t, log, m.remote)
		assert.Equal(t, strings.TrimSpace(want), strings.Join(lines[seen:], "; "), command)
		seen = len(lines)
	}

	// The log is rotated as logrotate does it.
	require.NoError(t, os.Rename(log, log+".1"))
	_, err := tryRun(t, m.dir, "mkdir", "c/x")
	require.Error(t, err)
	shell(t, m.dir, "mkdir new; rmdir new")
	assert.Equal(t, []string{"mkdir ROOT/new ok", "rmdir ROOT/new ok"}, auditLines(t, log, m.remote))
	require.NoError(t, os.Chmod(m.remote, 0o500))
	defer func() { _ = os.Chmod(m.remote, 0o700) }()
	if os.Getuid() != 0 {
		_, _ = tryRun(t, m.dir, "mkdir", "denied")
		assert.Contains(t, auditLines(t, log, m.remote), "mkdir ROOT/denied EACCES")
	}
}

// auditLines returns the lines of an audit log in short.
func auditLines(t *testing.T, log, remote string) []string {
	t.Helper()
	data, err := os.ReadFile(log)
	require.NoError(t, err)
	var short []string
	for text := range strings.Lines(string(data)) {
		var line struct {
			Time                                time.Time
			UID, PID                            int
			Operation, Path, To, Target, Result string
			PathBytes                           []byte          `json:"path_bytes"`
			Set                                 json.RawMessage `json:"set"`
			Bytes                               json.Number
		}
		require.NoError(t, json.Unmarshal([]byte(text), &line), text)
		assert.Equal(t, os.Getuid(), line.UID, text)
		assert.Positive(t, line.PID, text)
		assert.WithinRange(t, line.Time, time.Now().Add(-time.Minute), time.Now(), text)
		words := []string{line.Operation, line.Path, line.To}
		if line.Target != "" {
			words = append(words, "> "+line.Target)
		}
		words = append(words, string(line.Set), line.Bytes.String(), line.Result)
		if line.PathBytes != nil {
			words = append(words, "("+latin1(line.PathBytes)+")")
		}
		short = append(short, strings.ReplaceAll(strings.Join(strings.Fields(strings.Join(words, " ")), " "), remote, "ROOT"))
	}
	return short
}

func latin1(p []byte) string {
	var b strings.Builder
	for _, c := range p {
		b.WriteRune(rune(c))
	}
	return b.String()
}

// The log goes to a file as JSON, and has what takes long. Nobody is told of it
// on standard error.
func TestSlowLogInFile(t *testing.T) {
	t.Parallel()
	log := t.TempDir() + "/log"
	m := newLinkedMount(t, "-o", "slow_log=0.3,log_format=json,log_file="+log)
	begin := time.Now()
	m.write("file", "content")
	wasFast := time.Since(begin) < 300*time.Millisecond // on a busy machine it may not be
	m.link.SetDelay(400 * time.Millisecond)
	require.NoError(t, os.Mkdir(m.path("dir"), 0o755))
	m.link.SetDelay(0)

	type entry struct {
		Level, Msg, Operation, Path, Result, Mountpoint string
		PID                                             int
	}
	var entries []entry
	data, err := os.ReadFile(log)
	require.NoError(t, err)
	for text := range strings.Lines(string(data)) {
		var e entry
		require.NoError(t, json.Unmarshal([]byte(text), &e), text)
		assert.Equal(t, e.Operation != "", e.PID > 0, text)
		e.PID = 0
		entries = append(entries, e)
	}
	assert.Contains(t, entries, entry{Level: "INFO", Msg: "mounted", Mountpoint: m.dir})
	assert.Contains(t, entries, entry{Level: "WARN", Msg: "slow operation", Operation: "mkdir",
		Path: m.onServer("dir"), Result: "ok"})
	for _, e := range entries {
		assert.False(t, wasFast && e.Operation == "create", "it was fast")
	}
	said, err := os.ReadFile(m.log)
	require.NoError(t, err)
	assert.Empty(t, string(said))
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "m")
	require.NoError(t, err)
	defer os.RemoveAll(dir)
	socket := dir + "/socket"
	m := newLinkedMount(t, "-o", "metrics=unix:"+socket)
	m.write("file", "content")
	client := http.Client{
		Timeout: 10 * time.Second,
		Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		}},
	}
	defer client.CloseIdleConnections()
	scrape := func() string {
		response, err := client.Get("http://mount/metrics")
		require.NoError(t, err)
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		assert.Equal(t, http.StatusOK, response.StatusCode)
		assert.Contains(t, response.Header.Get("Content-Type"), "text/plain")
		return string(body)
	}
	text := scrape()
	for _, line := range []string{
		"sftpmount_up 1\n", "sftpmount_written_bytes_total 7\n", "sftpmount_connections_total 1\n",
		`sftpmount_operation_duration_seconds_count{operation="create"} 1` + "\n",
		`mountpoint="` + m.dir + `"`,
	} {
		assert.Contains(t, text, line)
	}
	assert.NotContains(t, text, m.onServer("file"), "no names of files")
	m.goDown()
	eventually(t, 30*time.Second, func() bool { return strings.Contains(scrape(), "sftpmount_up 0\n") }, "down")
	m.comeBack()
	eventually(t, 30*time.Second, func() bool { return strings.Contains(scrape(), "sftpmount_up 1\n") }, "up again")
	m.unmount()
	assert.NoFileExists(t, socket)
}

// What the program writes to while it is mounted must not be below the mount.
func TestLogsBelowTheMountAreRefused(t *testing.T) {
	t.Parallel()
	s := startSSHD(t)
	m := prepareMount(t, s.client(), t.TempDir())
	for _, option := range []string{"log_file", "audit_log", "metrics=unix"} {
		said, err := runDetached(t, "", "-F", m.client.config, "-o", strings.Replace(option+"="+m.path("x"), "unix=", "unix:", 1),
			hostAlias+":"+m.remote, m.dir)
		require.Error(t, err)
		assert.Contains(t, said, "would hide", option)
		assert.False(t, m.mounted())
		assert.NoFileExists(t, m.path("x"))
	}
}

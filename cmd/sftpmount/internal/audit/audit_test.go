package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sftpmount/fusefs"
	"sftpmount/sftpconn"
)

func TestLines(t *testing.T) {
	var out bytes.Buffer
	l := New(&out, nil)
	all := sftpconn.AttrAll
	for _, r := range []*fusefs.Request{
		{Operation: "read", Bytes: 9},
		{Operation: "open", File: 1, Flags: sftpconn.Read},
		{Operation: "open", File: 2, Flags: sftpconn.Write | sftpconn.Truncate},
		{Operation: "write", File: 1, Bytes: 10, UID: 1, PID: 2},
		{Operation: "write", File: 2, Bytes: 5},
		{Operation: "write", File: 1, Bytes: 20, UID: 3, PID: 4},
		{Operation: "write", File: 1, Errno: syscall.ENOSPC},
		{Operation: "flush", File: 1, UID: 5, Errno: syscall.EIO},
		{Operation: "flush", File: 1},
		{Operation: "fsync", File: 2},
		{Operation: "release", File: 2},
		{Operation: "setattr", Set: sftpconn.SetAttr{Attr: sftpconn.Attr{
			Valid: all, Size: 7, Mode: 0o100640, UID: 8, GID: 9, Atime: 1e9, Mtime: 1e9 + 1,
		}}},
		{Operation: "symlink", Target: "some/where"},
	} {
		r.Began = time.Unix(1e9, 0)
		l.End(r)
	}
	var got []string
	for text := range strings.Lines(out.String()) {
		var fields map[string]any
		require.NoError(t, json.Unmarshal([]byte(text), &fields), text)
		_, rest, _ := strings.Cut(text, `,`)
		got = append(got, strings.TrimSpace(rest))
	}
	assert.Equal(t, []string{
		`"uid":0,"pid":0,"operation":"truncate","path":"","result":"ok"}`,
		`"uid":0,"pid":0,"operation":"write","path":"","result":"ENOSPC"}`,
		`"uid":3,"pid":4,"operation":"write","path":"","bytes":30,"result":"EIO"}`,
		`"uid":0,"pid":0,"operation":"write","path":"","bytes":5,"result":"ok"}`,
		`"uid":0,"pid":0,"operation":"setattr","path":"","set":{"atime":"2001-09-09T01:46:40Z","gid":9,"mode":"0640",` +
			`"mtime":"2001-09-09T01:46:41Z","size":7,"uid":8},"result":"ok"}`,
		`"uid":0,"pid":0,"operation":"symlink","path":"","target":"some/where","result":"ok"}`,
	}, got)
	assert.Empty(t, l.written)
}

type fullDisk struct{ full bool }

func (f *fullDisk) Write(p []byte) (int, error) {
	if f.full {
		return 0, errors.New("no space left")
	}
	return len(p), nil
}

// A log that cannot be written says so, but not each time.
func TestLostLines(t *testing.T) {
	var said bytes.Buffer
	disk := &fullDisk{full: true}
	l := New(disk, slog.New(slog.NewTextHandler(&said, nil)))
	for range 1000 {
		l.End(&fusefs.Request{Operation: "mkdir"})
	}
	assert.Equal(t, 10, strings.Count(said.String(), "the audit log cannot be written"))
	assert.Contains(t, said.String(), `err="no space left" times=512`)
	disk.full = false
	l.End(&fusefs.Request{Operation: "mkdir"})
	disk.full = true
	said.Reset()
	l.End(&fusefs.Request{Operation: "mkdir"})
	assert.Contains(t, said.String(), "times=1\n", "it begins anew")
}

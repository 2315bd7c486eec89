package sftpconn_test

import (
	"context"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	sshfx "github.com/pkg/sftp/v2/encoding/ssh/filexfer"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sftpmount/sftpconn"
	"sftpmount/sftpconn/sftptest"
)

// quirkyServer has all quirks.
func quirkyServer(r sftptest.RawRequest) ([]byte, error) {
	refused := func() ([]byte, error) {
		return sftptest.Reply(r.ID, &sshfx.StatusPacket{StatusCode: sshfx.StatusFailure})
	}
	// A path or handle, flags where it is OPEN, and attributes.
	rest := r.Body
	if r.Name == "OPEN" || r.Name == "SETSTAT" || r.Name == "FSETSTAT" {
		rest = rest[4+binary.BigEndian.Uint32(rest):]
	}
	switch r.Name {
	case "FSTAT":
		return refused()
	case "SETSTAT", "FSETSTAT":
		if binary.BigEndian.Uint32(rest)&uint32(sftpconn.AttrSize) != 0 {
			return refused()
		}
	case "OPEN":
		attrs := rest[4:]
		if binary.BigEndian.Uint32(attrs)&uint32(sftpconn.AttrMode) != 0 && binary.BigEndian.Uint32(attrs[4:]) != 0 {
			return refused()
		}
	}
	return r.Honest()
}

func TestQuirks(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	content := strings.Repeat("0123456789", 300_000)
	connect := func(quirks sftpconn.Quirks) *sftpconn.Conn {
		c, err := sftpconn.New(t.Context(), &sftptest.Scripted{Answer: quirkyServer}, sftpconn.Options{Quirks: quirks})
		require.NoError(t, err)
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
	ctx := t.Context()
	plain := connect(sftpconn.Quirks{})
	_, _, err := plain.Open(ctx, path, sftpconn.Write|sftpconn.Create, 0o640)
	require.Error(t, err, "the server has its quirk")

	c := connect(sftpconn.Quirks{NoFStat: true, NoTruncate: true, NoCreateMode: true})
	f, attr, err := c.Open(ctx, path, sftpconn.Read|sftpconn.Write|sftpconn.Create, 0o640)
	require.NoError(t, err)
	assert.EqualValues(t, 0o640, attr.Mode&0o777)
	sized := func(size int) sftpconn.SetAttr {
		return sftpconn.SetAttr{Attr: sftpconn.Attr{Valid: sftpconn.AttrSize, Size: uint64(size)}}
	}
	onDisk := func() string {
		got, err := os.ReadFile(path)
		require.NoError(t, err)
		return string(got)
	}
	f.Write([]byte(content), 0)
	shorter := sized(2_500_001)
	shorter.Valid |= sftpconn.AttrMode
	shorter.Mode = 0o600
	require.NoError(t, f.SetAttr(shorter).Wait(ctx))
	require.NoError(t, f.Flush(ctx))
	assert.True(t, onDisk() == content[:2_500_001], "cut through an open file")
	attr, err = f.Attr(ctx)
	require.NoError(t, err)
	assert.EqualValues(t, 2_500_001, attr.Size)
	assert.EqualValues(t, 0o600, attr.Mode&0o777)
	require.NoError(t, f.Close(ctx))

	for _, size := range []int{2_000_000, 2_000_000, 0, 3} {
		attr, err := c.SetAttr(ctx, path, sized(size))
		require.NoError(t, err)
		assert.EqualValues(t, size, attr.Size)
		assert.Len(t, onDisk(), size)
	}
	assert.Equal(t, "\x00\x00\x00", onDisk())
	_, err = plain.SetAttr(ctx, path, sized(1))
	require.Error(t, err, "the server has its quirk")
}

// Changes of size take their place among the writes of a file without a wait, and
// who waits for one can be ended.
func TestResizeIsOnlyStarted(t *testing.T) {
	var mute atomic.Bool
	server := &sftptest.Scripted{Answer: func(r sftptest.RawRequest) ([]byte, error) {
		if mute.Load() {
			return nil, nil
		}
		return quirkyServer(r)
	}}
	c, err := sftpconn.New(t.Context(), server, sftpconn.Options{Quirks: sftpconn.Quirks{NoFStat: true, NoTruncate: true}})
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	path := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	f, _, err := c.Open(t.Context(), path, sftpconn.Write, 0)
	require.NoError(t, err)
	resize := func(size uint64) sftpconn.Pending {
		return f.SetAttr(sftpconn.SetAttr{Attr: sftpconn.Attr{Valid: sftpconn.AttrSize, Size: size}})
	}
	f.Write([]byte("abcd"), 0)
	resize(2)
	f.Write([]byte("e"), 3)
	resize(5)
	require.NoError(t, f.Flush(t.Context()))
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "ab\x00e\x00", string(got))

	mute.Store(true)
	waited := make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	go func() { waited <- resize(9).Wait(ctx) }()
	select {
	case err := <-waited:
		require.ErrorIs(t, err, context.Canceled)
	case <-time.After(10 * time.Second):
		require.Fail(t, "who waits cannot be ended")
	}
}

// A file that got the name of an open one is left alone.
func TestResizeOfAFileThatWasReplaced(t *testing.T) {
	server := &sftptest.Scripted{Answer: sftptest.RawRequest.Honest}
	c, err := sftpconn.New(t.Context(), server, sftpconn.Options{Quirks: sftpconn.Quirks{NoTruncate: true}})
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	path := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(path, []byte("old"), 0o600))
	f, _, err := c.Open(t.Context(), path, sftpconn.Write, 0)
	require.NoError(t, err)
	resize := func() error {
		return f.SetAttr(sftpconn.SetAttr{Attr: sftpconn.Attr{Valid: sftpconn.AttrSize, Size: 2}}).Wait(t.Context())
	}
	require.NoError(t, resize())
	require.NoError(t, os.Remove(path))
	require.ErrorIs(t, resize(), syscall.ESTALE)
	require.NoError(t, os.WriteFile(path, []byte("another"), 0o600))
	require.ErrorIs(t, resize(), syscall.ESTALE)
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "another", string(got))
}

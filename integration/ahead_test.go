package integration

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sftpmount/sftpconn"
	"sftpmount/sftpconn/sftptest"
)

// Files that were opened ahead are what they are, though the connection that they
// were opened on has ended, and they were replaced meanwhile.
func TestFilesOpenedAheadSurviveDrops(t *testing.T) {
	t.Parallel()
	const files = 60
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	server := sftptest.NewServer(t, sftptest.Options{OpenSSH: true})
	fsys := stackOn(ctx, t, server.Addr())
	defer func() { assert.NoError(t, fsys.Close()) }()
	path := func(i int) string { return fmt.Sprintf("%s/%03d", server.Dir(), i) }
	content := func(i int, part string) []byte { return bytes.Repeat(fmt.Appendf(nil, "%s %d\n", part, i), 40_000) }
	for i := range files {
		require.NoError(t, os.WriteFile(path(i), content(i, "old"), 0o644))
	}
	_, err := fsys.ReadDir(ctx, server.Dir())
	require.NoError(t, err)
	want := "old"
	for i := range files {
		switch i % 10 {
		case 5:
			server.Drop()
		case 8: // the rest is replaced, and believed for a second at most
			server.Drop()
			want = fmt.Sprintf("new since %d", i)
			for j := i; j < files; j++ {
				require.NoError(t, os.WriteFile(server.Dir()+"/new", content(j, want), 0o644))
				require.NoError(t, os.Rename(server.Dir()+"/new", path(j)))
			}
			time.Sleep(1100 * time.Millisecond)
		}
		f, attr, err := fsys.Open(ctx, path(i), sftpconn.Read, 0)
		require.NoError(t, err)
		p := make([]byte, attr.Size)
		_, err = f.ReadAt(ctx, p, 0)
		require.NoError(t, err)
		require.True(t, bytes.Equal(content(i, want), p), "file %d", i)
		require.NoError(t, f.Close(ctx))
	}
	assert.Positive(t, fsys.Stats().OpenedAhead.Used)
}

package sftpconn_test

import (
	"bytes"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sftpmount/sftpconn"
	"sftpmount/sftpconn/sftptest"
)

// A server that answers with codes of later versions of SFTP.
func TestCodesOfLaterVersions(t *testing.T) {
	const fileAlreadyExists = 11 // SSH_FX_FILE_ALREADY_EXISTS
	server := sftptest.NewServer(t, sftptest.Options{OpenSSH: true})
	c := dialConn(t, server.Addr())
	defer func() { _ = c.Close() }()
	path := server.Dir() + "/file"
	require.NoError(t, os.WriteFile(path, []byte("content"), 0o644))

	server.SetFault(sftptest.Once("OPEN", sftptest.Verdict{Status: fileAlreadyExists}))
	_, attr, err := c.Open(t.Context(), path, sftpconn.Write|sftpconn.Create, 0o644)
	require.NoError(t, err, "the file is there, and may be")
	assert.EqualValues(t, 7, attr.Size)

	server.SetFault(sftptest.Once("MKDIR", sftptest.Verdict{Status: fileAlreadyExists}))
	_, err = c.Mkdir(t.Context(), path, 0o755)
	var status *sftpconn.StatusError
	require.ErrorAs(t, err, &status)
	assert.Equal(t, sftpconn.StatusFailure, status.Code)
}

func TestStatus(t *testing.T) {
	server := sftptest.NewServer(t, sftptest.Options{OpenSSH: true})
	c := dialConn(t, server.Addr())
	defer func() { _ = c.Close() }()
	status := c.Status()
	assert.Contains(t, status.Extensions, "posix-rename@openssh.com")
	assert.IsNonDecreasing(t, status.Extensions)
	assert.Equal(t, 261120, status.MaxRead)
	assert.Equal(t, 261120, status.MaxWrite)
	assert.Positive(t, status.RoundTrip)
	assert.Contains(t, []int{1, 2}, status.Channels, "the second one is opened in the background")
	assert.Zero(t, status.InFlight)
}

// Files go on while channels are closed under them and opened again.
func TestFilesOutliveIdleChannels(t *testing.T) {
	c, err := sftpconn.New(t.Context(), sftptest.SFTPServerTransport(t),
		sftpconn.Options{Connections: 4, ChannelIdle: 10 * time.Millisecond})
	require.NoError(t, err)
	defer func() { _ = c.Close() }()
	const size, rounds = 3 << 20, 12
	content := make([]byte, rounds*size)
	_, _ = rand.NewChaCha8([32]byte{}).Read(content)
	path := t.TempDir() + "/file"
	f, _, err := c.Open(t.Context(), path, sftpconn.Read|sftpconn.Write|sftpconn.Create, 0o644)
	require.NoError(t, err)
	reader, _, err := c.Open(t.Context(), path, sftpconn.Read, 0)
	require.NoError(t, err)
	for i := range rounds {
		part := content[i*size : (i+1)*size]
		pending := f.Write(part, int64(i*size))
		if i%2 == 0 {
			require.NoError(t, pending.Wait(t.Context()))
			time.Sleep(time.Duration(i) * 3 * time.Millisecond)
		}
		require.NoError(t, f.Flush(t.Context()))
		got := make([]byte, size)
		_, err := reader.ReadAt(t.Context(), got, int64(i*size))
		require.NoError(t, err)
		require.True(t, bytes.Equal(part, got), "round %d", i)
	}
	require.NoError(t, c.Err())
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.True(t, bytes.Equal(content, got))
	require.Eventually(t, func() bool { return c.Status().Channels == 2 }, 10*time.Second, 5*time.Millisecond)
}

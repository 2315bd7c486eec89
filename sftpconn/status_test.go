package sftpconn_test

import (
	"os"
	"testing"

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

package sftptest_test

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/pkg/sftp"
	sshfx "github.com/pkg/sftp/v2/encoding/ssh/filexfer"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sftpmount/sftpconn/sftptest"
)

func scriptedClient(t *testing.T, answer sftptest.Answer) *sftp.Client {
	transport := &sftptest.Scripted{Answer: answer}
	t.Cleanup(func() { _ = transport.Close() })
	channel, err := transport.OpenChannel(t.Context())
	require.NoError(t, err)
	client, err := sftp.NewClientPipe(channel, channel)
	require.NoError(t, err)
	return client
}

func TestScriptedLiesAboutOneRequest(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(path, []byte("content"), 0o644))
	client := scriptedClient(t, func(r sftptest.RawRequest) ([]byte, error) {
		if r.Type == sshfx.PacketTypeLStat {
			return sftptest.Reply(r.ID, &sshfx.AttrsPacket{Attrs: sshfx.Attributes{Flags: sshfx.AttrSize, Size: 1 << 50}})
		}
		return r.Honest()
	})
	honest, err := client.Stat(path)
	require.NoError(t, err)
	assert.EqualValues(t, 7, honest.Size())
	lied, err := client.Lstat(path)
	require.NoError(t, err)
	assert.EqualValues(t, 1<<50, lied.Size())
}

func TestScriptedEndsTheChannel(t *testing.T) {
	client := scriptedClient(t, func(r sftptest.RawRequest) ([]byte, error) {
		reply, err := r.Honest()
		if r.Name == "STAT" {
			return reply[:3], io.EOF
		}
		return reply, err
	})
	_, err := client.Stat("/")
	require.Error(t, err)
}

package sftpconn

import (
	"testing"
	"testing/synctest"
	"time"

	sshfx "github.com/pkg/sftp/v2/encoding/ssh/filexfer"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Channels for file data are opened by need, closed when they are idle though
// files are open, and opened again. One stays, and one is for metadata.
func TestIdleChannelsAreClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFakeServer(func(_ int, req sshfx.Packet) sshfx.Packet {
			switch req := req.(type) {
			case *sshfx.OpenPacket:
				return &sshfx.HandlePacket{Handle: "h"}
			case *sshfx.StatPacket, *sshfx.FStatPacket:
				return attrsPacket(regular, 1<<30)
			case *sshfx.ReadPacket:
				return &sshfx.DataPacket{Data: make([]byte, req.Length)}
			}
			return status(StatusOK)
		})
		c := s.connect(t, Options{Connections: 4})
		reader, _, err := c.Open(t.Context(), "/a", Read, 0)
		require.NoError(t, err)
		writer, _, err := c.Open(t.Context(), "/b", Write, 0)
		require.NoError(t, err)
		p := make([]byte, 4<<20)
		for name, use := range map[string]func(){
			"read": func() {
				_, err := reader.ReadAt(t.Context(), p, 0)
				require.NoError(t, err)
			},
			"write": func() {
				require.NoError(t, writer.Write(p, 0).Wait(t.Context()))
			},
		} {
			for range 3 {
				use()
				synctest.Wait()
				use()
				assert.Equal(t, 5, c.Status().Channels, name)
				time.Sleep(2 * time.Second)
				assert.Equal(t, 5, c.Status().Channels, "still warm after %s", name)
				time.Sleep(15 * time.Second)
				synctest.Wait()
				assert.Equal(t, 2, c.Status().Channels, "idle after %s", name)
			}
		}
		require.NoError(t, c.Err())
		require.NoError(t, writer.Flush(t.Context()))
	})
}

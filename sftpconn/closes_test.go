package sftpconn

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	sshfx "github.com/pkg/sftp/v2/encoding/ssh/filexfer"
	"github.com/stretchr/testify/require"
)

// A file that is being closed on another channel does not keep its name from being
// taken away, though the server refuses that while it is open.
func TestRemoveAfterClose(t *testing.T) {
	for name, take := range map[string]func(*testing.T, *Conn) error{
		"remove": func(t *testing.T, c *Conn) error { return c.Remove(t.Context(), "/a") },
		"rename": func(t *testing.T, c *Conn) error { return c.Rename(t.Context(), "/a", "/b", false) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var mu sync.Mutex
				open := 0
				s := newFakeServer(func(_ int, req sshfx.Packet) sshfx.Packet {
					if _, ok := req.(*sshfx.ClosePacket); ok {
						time.Sleep(time.Second)
					}
					mu.Lock()
					defer mu.Unlock()
					switch req.(type) {
					case *sshfx.OpenPacket:
						open++
						return &sshfx.HandlePacket{Handle: "h"}
					case *sshfx.StatPacket:
						return attrsPacket(regular, 1)
					case *sshfx.ClosePacket:
						open--
					case *sshfx.RemovePacket, *sshfx.RenamePacket:
						if open > 0 {
							return status(StatusFailure)
						}
					}
					return status(StatusOK)
				})
				c := s.connect(t, Options{})
				synctest.Wait()
				f, _, err := c.Open(Ahead(t.Context(), 1), "/a", Read, 0)
				require.NoError(t, err)
				require.Error(t, take(t, c))
				require.NoError(t, f.Close(t.Context()))
				require.NoError(t, take(t, c))
			})
		})
	}
}

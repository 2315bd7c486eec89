package sftpconn

import (
	"sync"
	"syscall"
	"testing"

	sshfx "github.com/pkg/sftp/v2/encoding/ssh/filexfer"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Giving files away costs nothing where there is nothing to give: for the user
// who logged in, and on a session that is known not to be root's.
func TestGivingAwayCostsNothing(t *testing.T) {
	tests := []struct {
		name     string
		uid      uint32 // of what the server makes
		owner    Owner
		requests [2]int // for the first folder, and the second
	}{
		{"root's own", 0, Owner{}, [2]int{2, 2}},
		{"an ordinary session", 1000, Owner{1234, 1234}, [2]int{3, 2}},
		{"given away", 0, Owner{1234, 1234}, [2]int{5, 5}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var mu sync.Mutex
			requests := 0
			s := newFakeServer(func(_ int, req sshfx.Packet) sshfx.Packet {
				mu.Lock()
				defer mu.Unlock()
				requests++
				switch req.(type) {
				case *sshfx.LStatPacket, *sshfx.StatPacket:
					return &sshfx.AttrsPacket{Attrs: sshfx.Attributes{
						Flags: uint32(AttrOwners | AttrMode), UID: test.uid, Permissions: syscall.S_IFDIR | 0o755,
					}}
				}
				return status(StatusOK)
			}, extLsetstat)
			c := s.connect(t, Options{})
			for _, want := range test.requests {
				mu.Lock()
				requests = 0
				mu.Unlock()
				_, err := c.Mkdir(WithOwner(t.Context(), test.owner), "/dir", 0o755)
				require.NoError(t, err)
				mu.Lock()
				assert.Equal(t, want, requests)
				mu.Unlock()
			}
		})
	}
}

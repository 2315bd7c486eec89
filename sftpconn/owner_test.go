package sftpconn

import (
	"sync/atomic"
	"syscall"
	"testing"

	sshfx "github.com/pkg/sftp/v2/encoding/ssh/filexfer"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Where the server puts something else in root's name, or gives it the folder's
// group, that is left as it is. One folder tells nothing of another: they may be on
// two file systems.
func TestGivingAway(t *testing.T) {
	const setGID = syscall.S_ISGID
	tests := []struct {
		name     string
		made     Owner // what the server makes
		folder   Attr
		owner    Owner
		given    Owner // zero: not given away
		requests int
	}{
		{"root's own", Owner{0, 0}, Attr{}, Owner{}, Owner{}, 2},
		{"an ordinary session", Owner{1000, 1000}, Attr{}, Owner{1234, 1234}, Owner{}, 3},
		{"given away", Owner{0, 0}, Attr{GID: 50}, Owner{1234, 1234}, Owner{1234, 1234}, 5},
		{"set-group-ID folder of root's", Owner{0, 0}, Attr{Mode: setGID}, Owner{1234, 1234}, Owner{1234, 0}, 5},
		{"set-group-ID folder", Owner{0, 50}, Attr{Mode: setGID, GID: 50}, Owner{1234, 1234}, Owner{1234, 50}, 5},
		{"BSD", Owner{0, 50}, Attr{GID: 50}, Owner{1234, 1234}, Owner{1234, 50}, 5},
		{"root in another group", Owner{0, 50}, Attr{GID: 60}, Owner{1234, 1234}, Owner{1234, 1234}, 5},
	}
	var made, folder, given atomic.Value
	var requests atomic.Int32
	s := newFakeServer(func(_ int, req sshfx.Packet) sshfx.Packet {
		requests.Add(1)
		attr := sshfx.Attributes{Flags: uint32(AttrOwners | AttrMode), Permissions: syscall.S_IFDIR | 0o755}
		switch req := req.(type) {
		case *sshfx.LStatPacket:
			attr.UID, attr.GID = made.Load().(Owner).UID, made.Load().(Owner).GID
			return &sshfx.AttrsPacket{Attrs: attr}
		case *sshfx.StatPacket:
			attr.Permissions |= sshfx.FileMode(folder.Load().(Attr).Mode)
			attr.GID = folder.Load().(Attr).GID
			return &sshfx.AttrsPacket{Attrs: attr}
		case *sshfx.SetStatPacket:
			given.Store(Owner{req.Attrs.UID, req.Attrs.GID})
		}
		return status(StatusOK)
	})
	c := s.connect(t, Options{})
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			requests.Store(0)
			folder.Store(test.folder)
			made.Store(test.made)
			given.Store(Owner{})
			_, err := c.Mkdir(WithOwner(t.Context(), test.owner), "/dir", 0o755)
			require.NoError(t, err)
			assert.EqualValues(t, test.requests, requests.Load())
			assert.Equal(t, test.given, given.Load())
		})
	}
}

package integration

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"testing"

	sshfx "github.com/pkg/sftp/v2/encoding/ssh/filexfer"
	"github.com/stretchr/testify/assert"

	"sftpmount/sftpconn/sftptest"
)

// oddServer is github.com/pkg/sftp's server, which ignores that a file is to be
// appended to, made odder: it takes small packets only, and its listings have no
// modes.
type oddServer struct {
	limits  atomic.Int32 // times that it was asked for its limits
	tooLong atomic.Int32 // packets that it should not have been sent
}

const (
	oddLimit        = 4 << 10          // of the data of READ and WRITE, in bytes
	oddPacket       = oddLimit + 1<<10 // the longest packet
	limitsExtension = "limits@openssh.com"
)

func (s *oddServer) serve(conn net.Conn) {
	server := &sftptest.Scripted{Answer: s.answer}
	defer server.Close()
	channel, err := server.OpenChannel(context.Background())
	if err != nil {
		return
	}
	go func() {
		defer channel.Close()
		_, _ = io.Copy(channel, conn)
	}()
	_, _ = io.Copy(conn, channel)
}

func (s *oddServer) answer(r sftptest.RawRequest) ([]byte, error) {
	if len(r.Body) > oddPacket {
		s.tooLong.Add(1)
	}
	if r.Name == limitsExtension {
		s.limits.Add(1)
		limits := new(sshfx.Buffer)
		for _, limit := range []uint64{oddPacket, oddLimit, oddLimit, 0} {
			limits.AppendUint64(limit)
		}
		return sftptest.Reply(r.ID, &sshfx.ExtendedReplyPacket{Data: limits})
	}
	reply, err := r.Honest()
	if err != nil {
		return nil, err
	}
	switch sshfx.PacketType(reply[4]) { // after the length
	case sshfx.PacketTypeVersion:
		var version sshfx.VersionPacket
		if err := version.UnmarshalBinary(reply[5:]); err != nil {
			return nil, err
		}
		version.Extensions = append(version.Extensions, &sshfx.ExtensionPair{Name: limitsExtension, Data: "1"})
		return version.MarshalBinary()
	case sshfx.PacketTypeName:
		var names sshfx.NamePacket
		if err := names.UnmarshalPacketBody(sshfx.NewBuffer(reply[9:])); err != nil {
			return nil, err
		}
		for _, entry := range names.Entries {
			entry.Attrs.ClearPermissions()
		}
		return sftptest.Reply(r.ID, &names)
	}
	return reply, nil
}

func TestOddServer(t *testing.T) {
	t.Parallel()
	odd := &oddServer{}
	server := startBareServer(t, odd.serve)
	m := prepareMount(t, &client{dir: t.TempDir(), config: "none"}, t.TempDir())
	m.start("-o", fmt.Sprintf("directport=%d", server.port), "127.0.0.1:"+m.remote, m.dir)
	shell(t, m.dir, ordinaryWork)
	m.unmount()
	assert.NotZero(t, odd.limits.Load())
	assert.Zero(t, odd.tooLong.Load(), "packets beyond the limit")
}

package integration

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/pkg/sftp"
	sshfx "github.com/pkg/sftp/v2/encoding/ssh/filexfer"
	"github.com/stretchr/testify/assert"
)

// oddServer is github.com/pkg/sftp's server, which ignores that a file is to be
// appended to, made odder: it takes small packets only, and its listings have no
// modes.
type oddServer struct {
	limits  atomic.Int32 // times that it was asked for its limits
	tooLong atomic.Int32 // packets that it should not have been sent
}

// oddLimit bounds the data of READ and WRITE, in bytes.
const oddLimit = 4 << 10

func (s *oddServer) serve(conn net.Conn) {
	ours, theirs := net.Pipe()
	defer ours.Close()
	server, err := sftp.NewServer(theirs)
	if err != nil {
		return
	}
	var running sync.WaitGroup
	defer running.Wait()
	running.Go(func() {
		_ = server.Serve()
		_ = theirs.Close()
	})
	var mu sync.Mutex // of conn's writer
	running.Go(func() {
		defer conn.Close()
		for {
			packet, err := readSFTP(ours)
			if err != nil {
				return
			}
			mu.Lock()
			_, err = conn.Write(framed(changeReply(packet)))
			mu.Unlock()
			if err != nil {
				return
			}
		}
	})
	defer ours.Close()
	for {
		packet, err := readSFTP(conn)
		if err != nil {
			return
		}
		if limits := limitsReply(packet); limits != nil {
			s.limits.Add(1)
			mu.Lock()
			_, err = conn.Write(framed(limits))
			mu.Unlock()
		} else {
			if len(packet) > oddLimit+1<<10 {
				s.tooLong.Add(1)
			}
			_, err = ours.Write(framed(packet))
		}
		if err != nil {
			return
		}
	}
}

func readSFTP(r io.Reader) ([]byte, error) {
	var length [4]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		return nil, err
	}
	packet := make([]byte, binary.BigEndian.Uint32(length[:]))
	_, err := io.ReadFull(r, packet)
	return packet, err
}

func framed(packet []byte) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(packet))), packet...)
}

const limitsExtension = "limits@openssh.com"

// changeReply announces the limits, and takes the modes out of listings.
func changeReply(packet []byte) []byte {
	switch sshfx.PacketType(packet[0]) {
	case sshfx.PacketTypeVersion:
		b := new(sshfx.Buffer)
		b.AppendString(limitsExtension)
		b.AppendString("1")
		return append(packet, b.Bytes()...)
	case sshfx.PacketTypeName:
		in, out := sshfx.NewBuffer(packet[1:]), new(sshfx.Buffer)
		out.AppendUint8(packet[0])
		out.AppendUint32(in.ConsumeUint32()) // id
		n := in.ConsumeUint32()
		out.AppendUint32(n)
		for range n {
			out.AppendString(in.ConsumeString())
			out.AppendString(in.ConsumeString())
			var attrs sshfx.Attributes
			if err := attrs.UnmarshalFrom(in); err != nil {
				panic(err)
			}
			attrs.ClearPermissions()
			attrs.MarshalInto(out)
		}
		return out.Bytes()
	}
	return packet
}

// limitsReply answers a request for the limits, and returns nil for others.
func limitsReply(packet []byte) []byte {
	if sshfx.PacketType(packet[0]) != sshfx.PacketTypeExtended {
		return nil
	}
	in := sshfx.NewBuffer(packet[1:])
	id := in.ConsumeUint32()
	if in.ConsumeString() != limitsExtension {
		return nil
	}
	out := new(sshfx.Buffer)
	out.AppendUint8(uint8(sshfx.PacketTypeExtendedReply))
	out.AppendUint32(id)
	for _, limit := range []uint64{oddLimit + 1<<10, oddLimit, oddLimit, 0} {
		out.AppendUint64(limit)
	}
	return out.Bytes()
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

package sftptest

import (
	"bufio"
	"context"
	"io"
	"path"
	"time"

	sshfx "github.com/pkg/sftp/v2/encoding/ssh/filexfer"

	"sftpmount/sftpconn"
)

// session is one SFTP channel: between the client and the program that executes
// its requests. Requests are executed one at a time, as OpenSSH does: pkg/sftp
// would run READ and WRITE besides the others, so that an FSETSTAT overtakes
// the WRITE before it.
type session struct {
	ctx     context.Context // ends with the connection
	server  *Server
	numbers Request // its Connection and Channel
	drop    func()  // ends the connection
	backend io.ReadWriter
	replies *bufio.Reader     // from backend
	opened  map[string]string // by handle, the path
}

func newSession(ctx context.Context, s *Server, numbers Request, drop func(), backend io.ReadWriter) *session {
	return &session{
		ctx:     ctx,
		server:  s,
		numbers: numbers,
		drop:    drop,
		backend: backend,
		replies: bufio.NewReaderSize(backend, 64<<10),
		opened:  make(map[string]string),
	}
}

// run serves client until it leaves, the connection ends or a fault drops it.
func (s *session) run(client io.ReadWriter) {
	requests := bufio.NewReaderSize(client, 64<<10)
	for {
		request, err := readPacket(requests)
		if err != nil {
			return
		}
		reply, err := s.answer(request)
		if err != nil || reply == nil {
			return
		}
		if _, err := client.Write(reply); err != nil {
			return
		}
	}
}

// answer returns the reply to request, or nil if the connection was dropped.
func (s *session) answer(request packet) (packet, error) {
	described := s.describe(request)
	verdict := s.server.judge(described)
	if verdict.Drop == DropBefore {
		s.sleep(verdict.Delay)
		s.drop()
		return nil, nil
	}
	var reply packet
	var err error
	switch {
	case verdict.Status != sftpconn.StatusOK:
		reply, err = statusPacket(request.id(), verdict.Status)
	default:
		reply, err = s.execute(request, described)
	}
	s.sleep(verdict.Delay)
	if verdict.Drop == DropAfter {
		s.drop()
	}
	if s.ctx.Err() != nil {
		return nil, nil
	}
	return reply, err
}

func (s *session) execute(request packet, described Request) (packet, error) {
	var err error
	if request.kind() == sshfx.PacketTypeRealPath && !path.IsAbs(described.Path) {
		request, err = realPathPacket(request.id(), path.Join(s.server.dir, described.Path))
		if err != nil {
			return nil, err
		}
	}
	if _, err := s.backend.Write(request); err != nil {
		return nil, err
	}
	reply, err := readPacket(s.replies)
	if err != nil {
		return nil, err
	}
	if reply.kind() == sshfx.PacketTypeHandle {
		s.opened[reply.body().ConsumeString()] = described.Path
	}
	return reply, nil
}

// describe decodes what a Fault is told of a request.
func (s *session) describe(p packet) Request {
	r := s.numbers
	r.Type = p.name()
	body := p.body()
	switch p.kind() {
	case sshfx.PacketTypeInit:
		return r
	case sshfx.PacketTypeRead, sshfx.PacketTypeWrite:
		r.Path = s.opened[body.ConsumeString()]
		r.Offset = body.ConsumeUint64()
		r.Length = body.ConsumeUint32()
	case sshfx.PacketTypeClose:
		handle := body.ConsumeString()
		r.Path = s.opened[handle]
		delete(s.opened, handle)
	case sshfx.PacketTypeFStat, sshfx.PacketTypeFSetStat, sshfx.PacketTypeReadDir:
		r.Path = s.opened[body.ConsumeString()]
	case sshfx.PacketTypeExtended:
		body.ConsumeString() // the name
		r.Path = body.ConsumeString()
		if opened, ok := s.opened[r.Path]; ok { // fsync@openssh.com and such
			r.Path = opened
		}
	default:
		r.Path = body.ConsumeString()
	}
	return r
}

func (s *session) sleep(d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-s.ctx.Done():
	}
}

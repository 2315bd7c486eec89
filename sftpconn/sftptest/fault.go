package sftptest

import (
	"sync"
	"time"

	"sftpmount/sftpconn"
)

// Request is an SFTP request as a [Server] received it.
type Request struct {
	// Type is the packet's name without its prefix, such as "OPEN"
	// (draft-ietf-secsh-filexfer-02, section 3), or for an extension its
	// name, such as "posix-rename@openssh.com".
	Type string

	// Path is the first path in the request, or the path by which its handle
	// was opened, or empty.
	Path string

	Offset     uint64 // of READ and WRITE
	Length     uint32 // of READ and WRITE, bytes
	Connection int    // number of the SSH connection that it came on, from 1
	Channel    int    // number of the SFTP channel within the connection, from 1
}

// Drop says when a connection ends, by RST, around a request.
type Drop int

// When to drop the connection.
const (
	NoDrop     Drop = iota
	DropBefore      // the request is not executed
	DropAfter       // it is executed, and no reply is sent
)

// Verdict is what becomes of a request. The zero Verdict executes it and sends
// the reply.
type Verdict struct {
	Drop   Drop
	Status sftpconn.StatusCode // if not 0, the answer; the request is not executed
	Delay  time.Duration       // before the reply is sent or the connection dropped
}

// Fault judges each request before it is executed. It is called from one
// goroutine per channel.
type Fault func(Request) Verdict

// Once returns a Fault that passes verdict on the first request of the type,
// and lets all others pass.
func Once(requestType string, verdict Verdict) Fault {
	var once sync.Once
	return func(r Request) Verdict {
		v := Verdict{}
		if r.Type == requestType {
			once.Do(func() { v = verdict })
		}
		return v
	}
}

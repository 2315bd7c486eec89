package sftpconn

import (
	"context"
	"sync"
	"time"

	sshfx "github.com/pkg/sftp/v2/encoding/ssh/filexfer"
)

// call is a request that was started.
type call struct {
	op, path string
	ch       *channel
	size     int64 // bytes of file data that it moves
	id       uint32
	sending  outgoing
	effect   effect    // on the server's handles
	begun    time.Time // set if it waits for no other one: its answer measures the round trip

	done  chan struct{} // closed once reply and err are set
	reply []byte
	err   error
}

// outgoing is what is sent of a call, and how far that has come.
type outgoing struct {
	header, payload []byte // the writer's, once queued

	// Guarded by channel.mu.
	sent  bool
	held  bool   // the writer is at the payload
	early []byte // a reply that came meanwhile
}

func (c *call) finish(reply []byte, err error) {
	c.reply, c.err = reply, err
	c.ch.load.inFlight.Add(-c.size)
	close(c.done)
}

// wait waits for the reply or for the end of ctx. An answer that is there wins.
func (c *call) wait(ctx context.Context) error {
	select {
	case <-c.done:
	case <-ctx.Done():
		if !c.isDone() {
			return ctx.Err()
		}
	}
	return c.err
}

func (c *call) isDone() bool { return isClosed(c.done) }

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// Wait implements [Pending] for requests that are answered by a status.
func (c *call) Wait(ctx context.Context) error {
	if err := c.wait(ctx); err != nil {
		return err
	}
	return c.status()
}

var _ Pending = (*call)(nil)

// awaitHandle waits for the handle that open asks for. If ctx ends first, the
// handle is closed when it comes.
func awaitHandle(ctx context.Context, open *call) (handle, error) {
	err := open.wait(ctx)
	if err == nil {
		return open.handle()
	}
	if ctx.Err() != nil {
		go func() { // ends at the latest with the channel
			<-open.done
			if open.err == nil {
				if h, err := open.handle(); err == nil {
					h.close(open.path)
				}
			}
		}()
	}
	return handle{}, err
}

// bigReplies keeps the buffers of READ replies, which are all of one size.
var bigReplies = sync.Pool{}

func replyBuffer(n int) []byte {
	if n < streamBuffer {
		return make([]byte, n)
	}
	if b, _ := bigReplies.Get().(*[]byte); b != nil && cap(*b) >= n {
		return (*b)[:n]
	}
	return make([]byte, n)
}

// release gives the reply's buffer back. Nothing decoded from it may alias it.
func (c *call) release() {
	if cap(c.reply) >= streamBuffer {
		b := c.reply
		bigReplies.Put(&b)
	}
	c.reply = nil
}

func packetType(reply []byte) sshfx.PacketType { return sshfx.PacketType(reply[0]) }

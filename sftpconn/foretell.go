package sftpconn

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"sync/atomic"

	sshfx "github.com/pkg/sftp/v2/encoding/ssh/filexfer"
)

// foretelling tells which handles a server is going to give out, so that what is to be
// done with one can be asked for behind its OPEN or OPENDIR, in the same round trip. What
// comes then counts only if the reply names that handle.
//
// It does as OpenSSH does (handle_new in sftp-server.c). That this is at the other end is
// taken for sure once the first handle of a channel was OpenSSH's first one, and until
// any channel's answer is another one than OpenSSH's.
//
// Where an OPEN under way is refused, those behind it get handles that were foretold to
// earlier ones. Those foretold to them were not given out then, so what was asked for
// with these is refused, and reaches no other file.
//
// It is guarded by channel.mu, as is the order of requests.
type foretelling struct {
	manner  *atomic.Int32 // of the server, which all its channels share
	pending []*call       // OPEN, OPENDIR and CLOSE under way, oldest first
	told    handles       // as they are by the answers so far
	next    handles       // as they are going to be when pending is done, and none refused
}

// The manners of giving out handles.
const (
	unknownManner int32 = iota
	openSSHManner
	otherManner
)

// handles are those that an OpenSSH has to give out: first the one closed last.
type handles struct {
	closed []string // the one closed last at the end
	made   uint32   // how many there are, open and closed
}

// effect is what a request does to the handles.
type effect struct {
	opens    bool
	foretold string // the handle that the answer is thought to name, or ""
	closes   string // a handle, or ""
}

func effectOf(req request) (e effect) {
	switch req := req.(type) {
	case *sshfx.OpenPacket, *sshfx.OpenDirPacket:
		e.opens = true
	case *sshfx.ClosePacket:
		e.closes = req.Handle
	}
	return e
}

// take has e done, and returns the handle that it opens, or "".
func (h *handles) take(e effect) string {
	if !e.opens {
		h.closed = append(h.closed, e.closes)
		return ""
	}
	if last := len(h.closed) - 1; last >= 0 {
		id := h.closed[last]
		h.closed = h.closed[:last]
		return id
	}
	h.made++
	return string(binary.BigEndian.AppendUint32(nil, h.made-1))
}

// begin takes in that a request is queued.
func (f *foretelling) begin(c *call, req request) {
	c.effect = effectOf(req)
	if c.effect == (effect{}) || f.manner.Load() == otherManner {
		return
	}
	f.pending = append(f.pending, c)
	if id := f.next.take(c.effect); f.manner.Load() == openSSHManner {
		c.effect.foretold = id
	}
}

// end takes in the answer to a request.
func (f *foretelling) end(c *call, reply []byte) {
	if !c.effect.opens && c.effect.closes == "" {
		return
	}
	if f.manner.Load() == otherManner {
		*f = foretelling{manner: f.manner}
		return
	}
	inOrder := f.pending[0] == c
	f.pending = f.pending[1:]
	opened := packetType(reply) == sshfx.PacketTypeHandle
	switch {
	case !inOrder || opened && f.told.take(c.effect) != handleIn(reply):
		f.manner.Store(otherManner)
	case opened:
		f.manner.CompareAndSwap(unknownManner, openSSHManner)
	case c.effect.opens: // refused
		f.next = handles{slices.Clone(f.told.closed), f.told.made}
		for _, later := range f.pending {
			f.next.take(later.effect)
		}
	default:
		f.told.take(c.effect)
	}
}

// handleIn returns the handle in the reply to OPEN, or "".
func handleIn(reply []byte) string {
	b := sshfx.NewBuffer(reply[5:])
	id := b.ConsumeString()
	if b.Err != nil {
		return ""
	}
	return id
}

// maxPrompt is the size up to which a file is read together with its OPEN, in bytes.
const maxPrompt = 128 << 10

// prompt is the content of a small file, asked for before its handle was known.
type prompt struct {
	size int64
	data *call // nil if there is none, or it was taken
	end  *call // of what may be behind
}

// startPrompt asks for the n bytes of the file that open is going to open.
func (c *Conn) startPrompt(open *call, n int64) prompt {
	id := open.effect.foretold
	if id == "" || n <= 0 || n > min(maxPrompt, int64(c.server.limits.read)) {
		return prompt{}
	}
	h := handle{open.ch, id}
	return prompt{n, h.startRead(open.path, 0, int(n)), h.startRead(open.path, n, 1)}
}

// takePrompt returns the request for n bytes at off, if it was made with the OPEN.
func (f *file) takePrompt(off int64, n int) *call {
	f.mu.Lock()
	defer f.mu.Unlock()
	data := f.reading.prompt.data
	if off != 0 || int64(n) != f.reading.prompt.size {
		return nil
	}
	f.reading.prompt.data = nil
	return data
}

// endsAt reports whether the file is known to end at off, by what was asked with the
// OPEN.
func (f *file) endsAt(ctx context.Context, off int64) bool {
	f.mu.Lock()
	end := f.reading.prompt.end
	if off != f.reading.prompt.size {
		end = nil
	}
	if end != nil {
		f.reading.prompt.end = nil
	}
	f.mu.Unlock()
	if end == nil || end.wait(ctx) != nil {
		return false
	}
	_, err := end.data(1)
	return errors.Is(err, io.EOF)
}

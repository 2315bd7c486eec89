package sftpconn

import (
	"context"
	"slices"

	sshfx "github.com/pkg/sftp/v2/encoding/ssh/filexfer"
)

// spread says which of a file's handles a write takes. Each channel has a
// server process of its own, so two writes that overlap must take the same one
// to stay in order. Hence the handles take turns by offset, stripe for stripe,
// and a handle that is added while writes are under way only takes part beyond
// all that they cover.
type spread struct {
	end      int64     // where the furthest write ends, bytes
	segments []segment // by rising offset
}

// segment says that n handles take turns from an offset on.
type segment struct {
	from int64
	n    int
}

// stripe is how many bytes in a row one handle takes: some packets.
const stripe = 1 << 20

// handle returns the index of the handle for a write at off.
func (s *spread) handle(off int64) int {
	for i := len(s.segments) - 1; i >= 0; i-- {
		if seg := s.segments[i]; off >= seg.from {
			return int(off / stripe % int64(seg.n))
		}
	}
	return 0
}

// widen lets n handles take part.
func (s *spread) widen(n int) {
	from := (s.end + stripe - 1) / stripe * stripe
	s.segments = append(s.segments, segment{from, n})
}

// partLength returns how many bytes at off one request may carry. f.mu is held.
func (f *file) partLength(off int64) int {
	if len(f.handles) == 1 {
		return f.conn.limits.write
	}
	return min(f.conn.limits.write, int(stripe-off%stripe))
}

// startWrite is called with f.mu held.
func (f *file) startWrite(p []byte, off int64) *call {
	h := f.handles[f.spread.handle(off)]
	f.spread.end = max(f.spread.end, off+int64(len(p)))
	packet := &sshfx.WritePacket{Handle: h.id, Offset: uint64(off), Data: p}
	c := h.ch.startBulk("WRITE", f.path, packet, len(p))
	if h.ch.inFlight.Load() > widenAt && f.flags&Append == 0 {
		f.widen()
	}
	return c
}

// begin starts a request now, or holds it back. alone says that it concerns the
// whole file: on several handles it waits for all that was started before it,
// and what comes after it waits for it. f.mu is held.
func (f *file) begin(alone bool, start func() *call) Pending {
	if last := f.lastHeld; !last.blocks() && (!alone || len(f.handles) == 1) {
		c := start()
		f.track(c)
		return c
	}
	r := &heldRequest{alone: alone, start: start, started: make(chan struct{})}
	var after []tracked
	switch prev := f.lastHeld; {
	case alone:
		after = slices.Clone(f.unacked)
	case prev.alone:
		after = []tracked{prev}
	}
	prev := f.lastHeld
	f.lastHeld = r
	f.track(r)
	f.conn.goBackground(func() { f.release(r, prev, after) })
	return r
}

// release sends r when prev, which was held back before it, is sent, and all in
// after is answered. Both happen at the latest when the connection ends.
func (f *file) release(r, prev *heldRequest, after []tracked) {
	if prev != nil {
		<-prev.started
	}
	for _, p := range after {
		_ = p.Wait(context.Background())
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	r.call = r.start()
	close(r.started)
}

// heldRequest is a request that is sent when those before it are answered.
type heldRequest struct {
	alone   bool
	start   func() *call
	started chan struct{} // closed once call is set
	call    *call
}

// blocks reports whether requests after r must be held back too.
func (r *heldRequest) blocks() bool {
	if r == nil {
		return false
	}
	select {
	case <-r.started:
	default:
		return true
	}
	select {
	case <-r.call.done:
		return false
	default:
		return r.alone
	}
}

// Wait implements [Pending].
func (r *heldRequest) Wait(ctx context.Context) error {
	select {
	case <-r.started:
		return r.call.Wait(ctx)
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (r *heldRequest) succeeded() bool {
	select {
	case <-r.started:
		return r.call.succeeded()
	default:
		return false
	}
}

// awaitHeld waits until nothing that was started is held back.
func (f *file) awaitHeld(ctx context.Context) error {
	f.mu.Lock()
	last := f.lastHeld
	f.mu.Unlock()
	if last == nil {
		return nil
	}
	select {
	case <-last.started:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

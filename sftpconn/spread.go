package sftpconn

import (
	"context"
	"slices"
	"time"

	sshfx "github.com/pkg/sftp/v2/encoding/ssh/filexfer"
)

// spread says which of a file's handles a write takes. Each channel has a
// server process of its own, so two writes that overlap must take the same one
// to stay in order. Hence the handles take turns by offset, stripe for stripe,
// and a handle that is added while writes are under way only takes part beyond
// all that they cover.
type spread struct {
	stripe   int64     // how many bytes in a row one handle takes
	end      int64     // where the furthest write ends, bytes
	segments []segment // by rising offset
}

// segment says that n handles, from the one called first on, take turns from an
// offset on.
type segment struct {
	from     int64
	first, n int
}

// stripePackets is how many of the largest WRITEs make a stripe.
const stripePackets = 4

// handle returns the index of the handle for a write at off.
func (s *spread) handle(off int64) int {
	for i := len(s.segments) - 1; i >= 0; i-- {
		if seg := s.segments[i]; off >= seg.from {
			return seg.first + int(off/s.stripe%int64(seg.n))
		}
	}
	return 0
}

// widen lets n handles, from the one called first on, take part.
func (s *spread) widen(first, n int) {
	from := (s.end + s.stripe - 1) / s.stripe * s.stripe
	if last := len(s.segments) - 1; last >= 0 && s.segments[last].from == from {
		s.segments = s.segments[:last] // nothing was written there yet
	}
	s.segments = append(s.segments, segment{from, first, n})
}

// narrow has the first handle take all writes. None is under way.
func (s *spread) narrow() { s.segments = nil }

// partLength returns how many bytes at off one request may carry. f.mu is held.
func (f *file) partLength(off int64) int {
	if f.flags&Append != 0 {
		return f.conn.server.limits.write
	}
	return min(f.conn.server.limits.write, int(f.changes.spread.stripe-off%f.changes.spread.stripe))
}

// writeHandle returns the handle for a write at off. f.mu is held.
func (f *file) writeHandle(off int64) handle { return f.handles[f.changes.spread.handle(off)] }

// startWrite is called with f.mu held.
func (f *file) startWrite(p []byte, off int64) *call {
	h := f.writeHandle(off)
	f.changes.spread.end = max(f.changes.spread.end, off+int64(len(p)))
	packet := &sshfx.WritePacket{Handle: h.id, Offset: uint64(off), Data: p}
	c := h.ch.startBulk("WRITE", f.path, packet, len(p))
	if h.ch.load.inFlight.Load() > widenAt && f.flags&Append == 0 {
		f.widen()
	}
	return c
}

// wholeFile stands for the offset of a request that concerns the whole file.
const wholeFile = -1

// begin starts a request now, or holds it back. off is where it writes. One that
// concerns the whole file waits, on several handles, for all that was started before
// it, and what comes after it waits for it. A write also waits for further handles
// that are about to come, if its own has enough to do: what it is given goes at its
// pace. f.mu is held.
func (f *file) begin(off int64, start func() tracked) Pending {
	f.usage.last = time.Now()
	alone, last, several := off == wholeFile, f.changes.ordered, len(f.handles) > 1
	crowded := !alone && f.widening.over != nil && f.writeHandle(off).ch.load.inFlight.Load() > window
	if !last.held() && !crowded && (!several || !alone && !last.underWay()) {
		c := start()
		f.changes.track(c)
		if alone {
			f.changes.ordered = &orderedRequest{alone: true, started: closedChannel, call: c}
		}
		return c
	}
	return f.hold(&orderedRequest{alone: alone, off: off, start: start})
}

// hold holds r back until it can be sent in order. f.mu is held.
func (f *file) hold(r *orderedRequest) Pending {
	last := f.changes.ordered
	var after []tracked
	switch {
	case r.alone:
		after = slices.Clone(f.changes.unacked)
	case last.underWay():
		after = []tracked{last}
	}
	r.started = make(chan struct{})
	f.changes.ordered = r
	f.changes.track(r)
	f.conn.goBackground(func() { f.release(r, last, after) })
	return r
}

// release sends r when prev, which was held back before it, is sent, all in after
// is answered, and r is prepared. All happens at the latest when the connection ends.
func (f *file) release(r, prev *orderedRequest, after []tracked) {
	if prev != nil {
		<-prev.started
	}
	for _, p := range after {
		_ = p.Wait(context.Background())
	}
	if !r.alone {
		_ = f.awaitRoom(context.Background(), func() handle { return f.writeHandle(r.off) }, window)
	}
	if r.prepare != nil {
		r.prepare(context.Background())
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	r.call = r.start()
	close(r.started)
}

// orderedRequest is a request that was held back, or that what comes after it
// may have to wait for.
type orderedRequest struct {
	alone   bool
	off     int64                     // of a write
	prepare func(ctx context.Context) // if not nil, called before start, and may ask the server
	start   func() tracked
	started chan struct{} // closed once call is set
	call    tracked
}

var closedChannel = func() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

// held reports whether r is still to be sent. What comes after it is, too.
func (r *orderedRequest) held() bool {
	return r != nil && !isClosed(r.started)
}

// underWay reports whether r concerns the whole file and is not answered.
func (r *orderedRequest) underWay() bool {
	return r != nil && r.alone && !r.isDone()
}

// Wait implements [Pending].
func (r *orderedRequest) Wait(ctx context.Context) error {
	select {
	case <-r.started:
		return r.call.Wait(ctx)
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (r *orderedRequest) isDone() bool { return !r.held() && r.call.isDone() }

func (r *orderedRequest) succeeded() bool { return !r.held() && r.call.succeeded() }

// awaitHeld waits until nothing that was started is held back.
func (f *file) awaitHeld(ctx context.Context) error {
	f.mu.Lock()
	last := f.changes.ordered
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

package sftpconn

import (
	"cmp"
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"time"

	sshfx "github.com/pkg/sftp/v2/encoding/ssh/filexfer"
)

// handle is an open file on one channel, which alone knows it.
type handle struct {
	ch *channel
	id string
}

// file is a File on a Conn. It is opened on one channel, and when much of it is
// read or written at once, on further ones.
type file struct {
	conn  *Conn
	path  string // that it was opened by
	flags OpenFlags
	size  int64 // when it was opened

	mu       sync.Mutex
	closed   bool
	usage    usage
	handles  []handle // the one it was opened with first
	widening widening
	reading  reading
	changes  changes
}

// usage is when a file was used.
type usage struct {
	busy int       // reads and copies under way
	last time.Time // when something was last started or done
}

// reading is what is read of a file.
type reading struct {
	prompt prompt
	moved  int64 // bytes that were
	due    int64 // bytes that are going to be, see Ahead
}

// changes are the writes and changes of attributes that were started on a file. They are
// guarded by file.mu.
type changes struct {
	spread  spread          // which handle a write takes
	unacked []tracked       // what Flush waits for
	ordered *orderedRequest // the last one that others may have to wait for, or nil
}

var _ File = (*file)(nil)

// ReadAt implements [File].
func (f *file) ReadAt(ctx context.Context, p []byte, off int64) (int, error) {
	if err := f.awaitHandles(ctx); err != nil {
		return 0, err
	}
	h := f.readHandle(len(p))
	defer f.rest()
	if isPrompt(ctx) {
		if c := f.takePrompt(off, len(p)); c != nil {
			n, err := f.finishRead(ctx, h, c, p, off)
			if _, refused := errors.AsType[*StatusError](err); !refused {
				return n, err
			}
		}
		if f.endsAt(ctx, off) {
			return 0, io.EOF
		}
	}
	limit := f.conn.server.limits.read
	calls := make([]*call, 0, (len(p)+limit-1)/limit)
	for at := 0; at < len(p); at += limit {
		calls = append(calls, h.startRead(f.path, off+int64(at), min(limit, len(p)-at)))
	}
	n := 0
	for i, c := range calls {
		part := p[i*limit : min((i+1)*limit, len(p))]
		got, err := f.finishRead(ctx, h, c, part, off+int64(i*limit))
		n += got
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

func (h handle) startRead(path string, off int64, n int) *call {
	return h.ch.startBulk("READ", path, &sshfx.ReadPacket{Handle: h.id, Offset: uint64(off), Length: uint32(n)}, n)
}

// finishRead fills p from c and, since a short reply does not mean the end of
// the file, from further requests for the rest.
func (f *file) finishRead(ctx context.Context, h handle, c *call, p []byte, off int64) (int, error) {
	n := 0
	for {
		if err := c.wait(ctx); err != nil {
			return n, err
		}
		data, err := c.data(len(p) - n)
		n += copy(p[n:], data)
		c.release()
		if err != nil {
			return n, err
		}
		if n == len(p) {
			return n, nil
		}
		c = h.startRead(f.path, off+int64(n), len(p)-n)
	}
}

// Write implements [File].
func (f *file) Write(p []byte, off int64) Pending {
	f.mu.Lock()
	defer f.mu.Unlock()
	var parts pendings
	for at := 0; at == 0 || at < len(p); {
		from := off + int64(at)
		part := p[at:min(at+f.partLength(from), len(p))]
		parts = append(parts, f.begin(from, func() tracked { return f.startWrite(part, from) }))
		at += max(len(part), 1)
	}
	if len(parts) == 1 {
		return parts[0]
	}
	return parts
}

// SetAttr implements [File].
func (f *file) SetAttr(set SetAttr) Pending {
	if f.conn.opts.Quirks.NoTruncate && set.Valid&AttrSize != 0 {
		return f.resize(set)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.begin(wholeFile, func() tracked { return f.startSetAttr(set) })
}

// startSetAttr is called with f.mu held.
func (f *file) startSetAttr(set SetAttr) *call {
	h := f.handles[0]
	return h.ch.start("FSETSTAT", f.path, &sshfx.FSetStatPacket{Handle: h.id, Attrs: set.encode()})
}

// tracked is a request that Flush waits for.
type tracked interface {
	Pending
	isDone() bool    // the answer is there
	succeeded() bool // and good
}

// track remembers p for Flush.
func (c *changes) track(p tracked) {
	c.forgetSucceeded()
	c.unacked = append(c.unacked, p)
}

func (c *changes) forgetSucceeded() {
	for len(c.unacked) > 0 && c.unacked[0].succeeded() {
		c.unacked = c.unacked[1:]
	}
}

func (c *call) succeeded() bool {
	return c.isDone() && c.err == nil && c.status() == nil
}

// pendings is a Write that takes several requests.
type pendings []Pending

// Wait implements [Pending].
func (all pendings) Wait(ctx context.Context) error {
	var first error
	for _, p := range all {
		if err := p.Wait(ctx); err != nil && first == nil {
			first = err
		}
	}
	return first
}

// Flush implements [File].
func (f *file) Flush(ctx context.Context) error {
	for {
		f.mu.Lock()
		if len(f.changes.unacked) == 0 {
			f.mu.Unlock()
			return nil
		}
		oldest := f.changes.unacked[0]
		f.mu.Unlock()
		err := oldest.Wait(ctx)
		if err != nil && ctx.Err() != nil {
			return err
		}
		f.mu.Lock()
		mine := len(f.changes.unacked) > 0 && f.changes.unacked[0] == oldest
		if mine { // else another Flush has taken it
			f.changes.unacked = f.changes.unacked[1:]
		}
		f.mu.Unlock()
		if mine && err != nil {
			return err
		}
	}
}

// awaitStarted waits for the answers to what was started, good or bad.
func (f *file) awaitStarted(ctx context.Context) error {
	f.mu.Lock()
	started := slices.Clone(f.changes.unacked)
	f.mu.Unlock()
	for _, p := range started {
		if err := p.Wait(ctx); err != nil && ctx.Err() != nil {
			return err
		}
	}
	return nil
}

// Attr implements [File]. It tells of all that was started before. On several handles
// each is asked, behind its own writes: that with the last write knows of all.
func (f *file) Attr(ctx context.Context) (Attr, error) {
	if err := f.awaitHeld(ctx); err != nil {
		return Attr{}, err
	}
	return f.attr(ctx)
}

// attr is Attr that does not wait for what is held back.
func (f *file) attr(ctx context.Context) (Attr, error) {
	var stats []*call
	f.mu.Lock()
	for i, h := range f.handles {
		if i == 0 || len(f.changes.unacked) > 0 && !f.changes.ordered.underWay() {
			stats = append(stats, f.startAttr(h))
		}
	}
	f.mu.Unlock()
	attr, err := awaitAttr(ctx, stats[0])
	for _, stat := range stats[1:] {
		other, otherErr := awaitAttr(ctx, stat)
		attr.Size, attr.Mtime = max(attr.Size, other.Size), max(attr.Mtime, other.Mtime)
		err = cmp.Or(err, otherErr)
	}
	return attr, err
}

func (f *file) startAttr(h handle) *call {
	if f.conn.opts.Quirks.NoFStat { // in order with what the file was told
		return h.ch.start("STAT", f.path, &sshfx.StatPacket{Path: f.path})
	}
	return h.startStat(f.path)
}

// first returns the handle that the file was opened with.
func (f *file) first() handle {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.handles[0]
}

func (h handle) startStat(path string) *call {
	return h.ch.start("FSTAT", path, &sshfx.FStatPacket{Handle: h.id})
}

// Sync implements [File]. The request follows writes that take the same handle on
// their way (draft-ietf-secsh-filexfer-02, 6.1); for those that may take others it
// waits.
func (f *file) Sync(ctx context.Context) error {
	if !f.conn.has(extFsync) {
		return missing(extFsync)
	}
	f.mu.Lock()
	h, scattered := f.handles[0], len(f.handles) > 1 || f.changes.ordered.held()
	f.mu.Unlock()
	if scattered {
		if err := f.awaitStarted(ctx); err != nil {
			return err
		}
	}
	return h.ch.start("fsync", f.path, fsyncPacket(h.id)).Wait(ctx)
}

// Close implements [File]. It does not wait for the server: an error of CLOSE
// says nothing that Flush has not said.
func (f *file) Close(context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil
	}
	f.closed = true
	f.arrive(f.reading.due)
	for _, h := range f.handles {
		f.closeHandle(h)
	}
	f.conn.setWide(f, false)
	return nil
}

// closeHandle closes a handle of the file, whose channel may close then too.
func (f *file) closeHandle(h handle) {
	call := h.close(f.path)
	if h.ch != f.conn.meta {
		f.conn.addClose(call)
	}
	f.conn.letGo(h.ch)
}

func (h handle) close(path string) *call {
	return h.ch.start("CLOSE", path, &sshfx.ClosePacket{Handle: h.id})
}

// work notes that something goes on that needs the handles as they are, until
// rest. f.mu is held.
func (f *file) work() { f.usage.busy++ }

func (f *file) rest() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.usage.busy--
	f.usage.last = time.Now()
}

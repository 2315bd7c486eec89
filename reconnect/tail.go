package reconnect

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"syscall"

	"sftpmount/sftpconn"
)

// tail is where appends go. Only files opened with sftpconn.Append need it.
type tail struct {
	end    int64 // size of the file before the first append that is not settled
	known  bool  // whether end can be relied on
	starts int   // how many requests were started
}

func tailOf(attr sftpconn.Attr) tail {
	return tail{end: int64(attr.Size), known: attr.Valid&sftpconn.AttrSize != 0}
}

// look takes in attributes of the file that no append under way can change any more.
func (t *tail) look(attr sftpconn.Attr) {
	now := tailOf(attr)
	t.end, t.known = now.end, now.known
}

// note takes account of the outcome of p.
func (t *tail) note(p *pending) {
	switch {
	case p.op == opAppend && p.err == nil:
		t.end += int64(len(p.data))
	case p.op == opAppend, p.resizes():
		t.known = false
	}
}

// appended has the others that append to the same file know where by ended when it
// was last written to: they begin there or further on.
func (f *FS) appended(by *file) {
	by.mu.Lock()
	tail := by.tail
	by.mu.Unlock()
	if !tail.known {
		return
	}
	where, _ := f.open.find(by)
	for _, other := range f.open.at(where.path) {
		other.mu.Lock()
		other.tail.end = max(other.tail.end, tail.end)
		other.mu.Unlock()
	}
}

func (p *pending) resizes() bool {
	return p.op == opFileSetAttr && p.set.Valid&sftpconn.AttrSize != 0
}

// mayBePartlySent reports whether p may take several requests, the first of
// which may have been sent although the last one was not.
func (p *pending) mayBePartlySent() bool {
	const oneRequest = 32 << 10 // what any server takes
	return len(p.data) > oneRequest
}

var errAppendUnknown = fmt.Errorf("%w: the connection was lost during an append, and how much of it was carried out cannot be told", syscall.EIO)

// reckon settles those appends whose replies were lost, as far as the file opened
// again shows that they were carried out. lost is what was under way, in the order
// of the starts.
func (f *file) reckon(ctx context.Context, r reopened, lost []*pending) error {
	var sent []byte
	resized := false
	for _, p := range lost {
		sent = append(sent, p.data...)
		resized = resized || p.resizes()
	}
	f.mu.Lock()
	before := f.tail
	f.mu.Unlock()
	now := tailOf(r.attr)
	done := now.end - before.end
	sure := before.known && !resized && now.known && 0 <= done && done <= int64(len(sent))
	if sure && done > 0 {
		ours, err := f.endsWith(ctx, r, before.end, sent[:done])
		if err != nil {
			return err
		}
		sure = ours
	}
	if !sure && len(sent) > 0 {
		f.fs.sup.log.Error("whether data was appended to a file before the connection was lost cannot be told", "path", r.path, "bytes", len(sent))
	}
	f.mu.Lock()
	for _, p := range lost {
		switch {
		case p.op != opAppend || p.settled:
		case !sure:
			_ = f.settleLocked(p, errAppendUnknown)
		case done >= int64(len(p.data)):
			done -= int64(len(p.data))
			_ = f.settleLocked(p, nil)
		default:
			p.data = p.data[done:]
			f.tail.end += done
			done = 0
		}
	}
	if !sure {
		f.tail.look(r.attr)
	}
	f.mu.Unlock()
	f.fs.appended(f)
	return nil
}

// endsWith reports whether the file holds want from offset off on: somebody else
// may have appended as much. A file that may not be read is believed.
func (f *file) endsWith(ctx context.Context, r reopened, off int64, want []byte) (bool, error) {
	h := r.File
	if f.flags&sftpconn.Read == 0 {
		readable, _, err := r.link.Open(ctx, r.path, sftpconn.Read, 0)
		if _, refused := errors.AsType[*sftpconn.StatusError](err); refused {
			return true, nil
		}
		if err != nil {
			return false, err
		}
		defer func() { _ = readable.Close(ctx) }()
		h = readable
	}
	got := make([]byte, len(want))
	if _, err := h.ReadAt(ctx, got, off); err != nil {
		return false, err
	}
	return bytes.Equal(got, want), nil
}

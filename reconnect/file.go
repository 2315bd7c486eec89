package reconnect

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"syscall"

	"sftpmount/sftpconn"
)

// handle is an open file on the connection with the number conn.
type handle struct {
	sftpconn.File
	conn int
}

// file is an open file that is opened again when it is used on a connection
// that its handle does not belong to.
type file struct {
	fs    *FS
	flags sftpconn.OpenFlags // for opening it again
	gate  chan struct{}      // holds a token while the file is being opened again
	mark  *pending           // what replaces the file's mark, if it was made with one

	mu         sync.Mutex
	current    handle        // on the newest connection that the file was used on
	broken     error         // if set, all that the file will answer from now on
	known      sftpconn.Attr // what the server last told
	unacked    []*pending    // what was started and is not settled, in the order of the starts
	unreported error         // the first failure among what was settled since the last Flush
	tail       tail
	unsynced   unsynced
	owed       *sftpconn.SetAttr // permissions to be put back, see openLent
	orphaned   bool              // closed, and kept until its mark is replaced
}

var _ sftpconn.File = (*file)(nil)

var errFileClosed = fmt.Errorf("%w: the file was closed", syscall.EBADF)

func newFile(fs *FS, flags sftpconn.OpenFlags, h handle, attr sftpconn.Attr) *file {
	return &file{
		fs:      fs,
		flags:   flags &^ (sftpconn.Create | sftpconn.Excl | sftpconn.Truncate),
		gate:    make(chan struct{}, 1),
		current: h,
		known:   attr,
		tail:    tailOf(attr),
	}
}

// ReadAt implements [sftpconn.File]. After a drop it goes on where it was.
func (f *file) ReadAt(ctx context.Context, p []byte, off int64) (int, error) {
	done := 0
	_, err := onHandle(ctx, f, opReadAt, func(h sftpconn.File) (nothing, error) {
		n, err := h.ReadAt(ctx, p[done:], off+int64(done))
		done += n
		return nothing{}, err
	})
	return done, err
}

// Attr implements [sftpconn.File].
func (f *file) Attr(ctx context.Context) (sftpconn.Attr, error) {
	f.mu.Lock()
	quiet, starts := len(f.unacked) == 0, f.tail.starts
	f.mu.Unlock()
	attr, err := onHandle(ctx, f, opFileAttr, func(h sftpconn.File) (sftpconn.Attr, error) { return h.Attr(ctx) })
	if err != nil {
		return attr, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.known = attr
	if quiet && len(f.unacked) == 0 && f.tail.starts == starts {
		f.tail = tailOf(attr)
		f.tail.starts = starts
	}
	return attr, nil
}

// Sync implements [sftpconn.File].
func (f *file) Sync(ctx context.Context) error {
	f.mu.Lock()
	started := f.tail.starts
	f.mu.Unlock()
	_, err := onHandle(ctx, f, opSync, func(h sftpconn.File) (nothing, error) { return nothing{}, h.Sync(ctx) })
	f.mu.Lock()
	defer f.mu.Unlock()
	if err == nil {
		f.unsynced.synced(started)
	}
	return err
}

// CopyFrom implements [sftpconn.File]. After a drop it goes on where it was.
func (f *file) CopyFrom(ctx context.Context, src sftpconn.File, srcOff, off, n int64) (int64, error) {
	from, ok := src.(*file)
	if !ok {
		return 0, errors.ErrUnsupported
	}
	var done int64
	_, err := run(ctx, f.fs.sup, opCopy, func(l *link) (nothing, error) {
		source, err := from.on(ctx, l)
		if err != nil {
			return nothing{}, err
		}
		h, err := f.on(ctx, l)
		if err != nil {
			return nothing{}, err
		}
		copied, err := h.CopyFrom(ctx, source, srcOff+done, off+done, n-done)
		done += copied
		return nothing{}, err
	}, nil)
	f.mu.Lock()
	defer f.mu.Unlock()
	if done > 0 {
		f.tail.starts++
		f.unsynced.extend(f.tail.starts, off+done)
	}
	return done, err
}

// onHandle is run for an operation that has to do with an open file.
func onHandle[T any](ctx context.Context, f *file, op operation, do func(sftpconn.File) (T, error)) (T, error) {
	var none T
	if err := f.failure(); err != nil { // needs no connection
		return none, err
	}
	return run(ctx, f.fs.sup, op, func(l *link) (T, error) {
		h, err := f.on(ctx, l)
		if err != nil {
			return none, err
		}
		return do(h)
	}, nil)
}

// Write implements [sftpconn.File]. If the connection ends, the data is sent
// again on the next one, by whoever uses the file first.
//
// When Wait fails with EINTR the request goes on, as it does when Wait's context
// ends: Wait may be called again. With ETIMEDOUT it is given up.
func (f *file) Write(p []byte, off int64) sftpconn.Pending {
	op := opWrite
	if f.flags&sftpconn.Append != 0 {
		op = opAppend
	}
	return f.begin(&pending{f: f, op: op, data: p, off: off})
}

// SetAttr implements [sftpconn.File]. It goes on like Write.
func (f *file) SetAttr(set sftpconn.SetAttr) sftpconn.Pending {
	if set.Valid&sftpconn.AttrSize != 0 {
		where, _ := f.fs.open.find(f)
		f.fs.resized(where.path)
	}
	return f.begin(&pending{f: f, op: opFileSetAttr, set: set})
}

// begin starts p. On a handle whose connection has ended, what is started fails
// with ErrNotSent, and is started again like everything unacknowledged.
func (f *file) begin(p *pending) *pending {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.broken != nil {
		p.settled, p.err = true, f.broken
		return p
	}
	p.start(f.current)
	f.unacked = append(f.unacked, p)
	f.tail.starts++
	p.number = f.tail.starts
	f.unsynced.begin(p)
	return p
}

// Flush implements [sftpconn.File].
func (f *file) Flush(ctx context.Context) error {
	f.mu.Lock()
	unacked := slices.Clone(f.unacked)
	f.mu.Unlock()
	for _, p := range unacked {
		if err := p.Wait(ctx); err != nil && !p.isSettled() {
			return err
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	err := f.unreported
	f.unreported = nil
	return err
}

// Close implements [sftpconn.File]. Where the connection has ended there is
// nothing left to close.
func (f *file) Close(ctx context.Context) error {
	if f.orphan() {
		_ = f.mark.Wait(ctx) // or the mark would stay after a drop
		if f.orphan() {
			return nil
		}
	}
	f.fs.open.remove(f)
	f.mu.Lock()
	h := f.current
	f.current = handle{}
	f.broken = errFileClosed
	f.unacked = nil
	f.mu.Unlock()
	if h.File == nil {
		return nil
	}
	if err := h.Close(ctx); !ended(err) {
		return err
	}
	return nil
}

package reconnect

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"syscall"

	"sftpmount/sftpconn"
)

// on returns the file's handle on l. If there is none it opens the file again,
// and starts on it what was not acknowledged, in its order, before anybody else
// can start anything. One caller does that, and the others wait for it.
func (f *file) on(ctx context.Context, l *link) (sftpconn.File, error) {
	if h, err := f.handleOn(l); h != nil || err != nil {
		return h, err
	}
	select {
	case f.gate <- struct{}{}:
		defer func() { <-f.gate }()
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-l.Done():
		return nil, sftpconn.ErrNotSent
	}
	if h, err := f.handleOn(l); h != nil || err != nil {
		return h, err
	}
	r, err := f.openAgain(ctx, l)
	if err != nil {
		return nil, f.refused(r.path, err)
	}
	return r.File, f.adopt(handle{r.File, l.number}, r.attr)
}

// failure returns what the file answers from now on, or nil if it works.
func (f *file) failure() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.broken
}

// handleOn returns the handle if it belongs to l, and nothing if it belongs to
// an earlier connection.
func (f *file) handleOn(l *link) (sftpconn.File, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.broken != nil:
		return nil, f.broken
	case f.current.conn == l.number:
		return f.current.File, nil
	case f.current.conn > l.number:
		return nil, sftpconn.ErrNotSent
	}
	return nil, nil
}

var errServerLost = fmt.Errorf("%w: the server lost data that it had acknowledged", syscall.EIO)

var errStale = fmt.Errorf("%w: the file cannot be found again", syscall.ESTALE)

// reopened is a file that was opened again, or could not be: then it has a path
// only.
type reopened struct {
	sftpconn.File
	attr sftpconn.Attr
	path string
	link *link
}

// openAgain opens the file where it is now, checks it, and finds out what
// became of the requests under way.
func (f *file) openAgain(ctx context.Context, l *link) (reopened, error) {
	r, err := f.openAtPlace(ctx, l)
	if err != nil {
		return r, err
	}
	if err = f.check(ctx, r); err == nil {
		err = f.restoreMode(ctx, r.File)
	}
	if err != nil {
		_ = r.Close(ctx)
	}
	return r, err
}

// openAtPlace opens the file by its path, and anew if it was moved meanwhile: what
// was opened then, or could not be, may have been another file.
func (f *file) openAtPlace(ctx context.Context, l *link) (reopened, error) {
	for {
		where, err := f.settledPlace(ctx, l)
		r := reopened{path: where.path, link: l}
		switch {
		case err != nil:
			return r, err
		case where.unlinked:
			return r, errStale
		}
		r.File, r.attr, err = l.Open(ctx, r.path, f.flags, 0)
		if errors.Is(err, fs.ErrPermission) && !unfinished(err) {
			r.File, r.attr, err = f.openLent(ctx, l, r.path, err)
		}
		if err != nil && unfinished(err) {
			return r, err
		}
		now, changing := f.fs.open.find(f)
		stayed := changing == nil && now == where
		switch {
		case err == nil && stayed:
			return r, nil
		case err == nil:
			_ = r.Close(ctx)
		case stayed:
			return r, f.explain(ctx, l, r.path, err)
		}
	}
}

// explain returns refusal, the server's answer to an open of path, or errStale if
// that is because the file is not there any more.
func (f *file) explain(ctx context.Context, l *link, path string, refusal error) error {
	if errors.Is(refusal, fs.ErrNotExist) {
		return errStale
	}
	there, err := l.Stat(ctx, path)
	switch {
	case err == nil && f.differs(there):
		return errStale
	case err != nil && unfinished(err):
		return err
	}
	return refusal
}

// differs reports whether attr is of another type than the file.
func (f *file) differs(attr sftpconn.Attr) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	known := f.known.Type()
	return known != 0 && attr.Type() != 0 && known != attr.Type()
}

// settledPlace returns where the file is, once nobody is moving it.
func (f *file) settledPlace(ctx context.Context, l *link) (place, error) {
	for {
		where, changing := f.fs.open.find(f)
		if changing == nil {
			return where, nil
		}
		select {
		case <-changing:
		case <-ctx.Done():
			return where, ctx.Err()
		case <-l.Done():
			return where, sftpconn.ErrNotSent
		}
	}
}

// check compares the file with what was known of it, and settles those requests
// of which the outcome is known.
func (f *file) check(ctx context.Context, r reopened) error {
	if f.differs(r.attr) {
		return errStale
	}
	f.mu.Lock()
	unacked := slices.Clone(f.unacked)
	f.mu.Unlock()
	lost, err := f.harvest(ctx, unacked)
	if err != nil {
		return err
	}
	if f.flags&sftpconn.Append == 0 {
		return nil
	}
	if len(lost) == 0 {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.tail.look(r.attr)
		return nil
	}
	return f.reckon(ctx, r, lost)
}

// harvest settles what was answered before the connection ended, and returns
// the appends whose replies were lost. Other requests are settled up to the
// first one without an answer: what came after it is sent again in any case, so
// that it comes after it again. Nothing waits here, as that connection is over.
func (f *file) harvest(ctx context.Context, unacked []*pending) (lost []*pending, err error) {
	for _, p := range unacked {
		err := p.await(ctx)
		switch {
		case !unfinished(err):
		case !ended(err):
			return nil, err
		case f.flags&sftpconn.Append == 0:
			return nil, nil
		case errors.Is(err, sftpconn.ErrLost) || p.mayBePartlySent():
			lost = append(lost, p)
		}
	}
	return lost, nil
}

// refused takes note of an error of openAgain. One that came from the server is
// the outcome of all that was to be sent; that a file is gone is for good.
func (f *file) refused(path string, err error) error {
	if unfinished(err) {
		return err
	}
	f.mu.Lock()
	if closed := f.broken; closed != nil {
		f.mu.Unlock()
		return closed
	}
	if errors.Is(err, errStale) {
		f.broken = err
	}
	f.settleAll(err)
	inUse := !f.orphaned
	f.mu.Unlock()
	if inUse {
		f.fs.sup.log.Error("a file that was open when the connection was lost could not be opened again", "path", path, "err", err)
	}
	return err
}

// adopt makes h the file's handle, and starts on it what is not settled.
func (f *file) adopt(h handle, attr sftpconn.Attr) error {
	f.compare(attr)
	f.mu.Lock()
	if err := f.broken; err != nil {
		f.mu.Unlock()
		_ = h.Close(context.Background())
		return err
	}
	defer f.mu.Unlock()
	f.current, f.known = h, attr
	end := int64(attr.Size)
	for _, p := range f.unacked {
		if p.op == opAppend && attr.Valid&sftpconn.AttrSize != 0 {
			// For servers that write where they are told instead.
			p.off = end
			end += int64(len(p.data))
		}
		p.start(h)
	}
	return nil
}

// compare tells of what has become of the file since its attributes were last
// known: that it was changed, or that the server has lost data of it.
func (f *file) compare(attr sftpconn.Attr) {
	f.mu.Lock()
	changed := attr.Size != f.known.Size || attr.Mtime != f.known.Mtime
	lost := f.unsynced.missing(attr)
	f.unsynced.end = 0
	if lost > 0 && f.unreported == nil {
		f.unreported = errServerLost
	}
	f.mu.Unlock()
	where, _ := f.fs.open.find(f) // it may have been renamed since it was opened
	if changed {
		f.fs.sup.opts.OnReopen(where.path)
	}
	if lost > 0 {
		f.fs.sup.log.Error("the server has lost data that it had acknowledged before the connection was lost; "+
			"it went down, or another program cut the file off", "path", where.path, "bytes", lost)
		f.fs.sup.opts.OnLoss(where.path, lost)
	}
}

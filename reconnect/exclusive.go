package reconnect

import (
	"context"
	"math/rand/v2"
	gopath "path"
	"sync"
	"syscall"
	"time"

	"sftpmount/sftpconn"
)

// A file that is made exclusively may be a lock, so it must be known to be ours.
// If the reply to the OPEN is lost and the file is there afterwards, it may just
// as well be another's. Hence it is made with a mode that no program asks for,
// the mark, and gets the right one by a request right behind: a file that still
// carries the mark is the one that was made.

// newMark returns a mode for a file that is made exclusively: the sticky bit,
// which means nothing on a file, and permissions of the owner at random, for the
// case that two of us make the same file.
func newMark() uint32 { return syscall.S_ISVTX | rand.Uint32N(8)<<6 }

// createExcl makes a file that must not exist.
func (f *FS) createExcl(ctx context.Context, path string, flags sftpconn.OpenFlags, mode uint32) (*file, error) {
	bits := newMark()
	m := f.marks.begin(path)
	made, err := run(ctx, f.sup, opCreateExcl,
		func(l *link) (*file, error) { return f.openOn(ctx, l, path, flags, bits) },
		func() (*file, error) { return f.claim(ctx, path, flags, bits) })
	if err != nil {
		f.marks.end(m)
		close(m.made)
		return nil, err
	}
	// A server that keeps no modes may refuse this one too, and is not worse
	// off for it.
	made.mark = &pending{f: made, op: opFileSetAttr, set: *modeOf(mode), mark: m}
	made.begin(made.mark)
	m.replacing = made.mark
	close(m.made)
	made.known.Mode = made.known.Mode&syscall.S_IFMT | mode&0o7777
	return made, nil
}

// mark is a file that is being made with a mark, or carries it.
type mark struct {
	path      string
	made      chan struct{} // closed when it is made, or could not be
	replacing *pending      // what replaces the mark; nil if none was made. Set before made is closed
}

// marks are those that are not replaced yet. Requests by path take another
// channel than those on a file, so they wait until they cannot see one.
type marks struct {
	mu  sync.Mutex
	all map[*mark]nothing
}

func (m *marks) begin(path string) *mark {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.all == nil {
		m.all = make(map[*mark]nothing)
	}
	begun := &mark{path: path, made: make(chan struct{})}
	m.all[begun] = nothing{}
	return begun
}

func (m *marks) end(over *mark) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.all, over)
}

// unmarked waits until no mark can be seen at path, nor directly below it.
func (f *FS) unmarked(ctx context.Context, path string) error {
	for _, found := range f.marks.near(path) {
		if err := f.awaitMark(ctx, found); err != nil {
			return err
		}
	}
	return nil
}

func (f *FS) awaitMark(ctx context.Context, m *mark) error {
	interrupt := sftpconn.Interrupt(ctx)
	for made := false; !made; {
		select {
		case <-m.made:
			made = true
		case <-ctx.Done():
			return ctx.Err()
		case <-interrupt:
			// It is over soon if there is a connection, and EINTR if not.
			if _, err := f.sup.acquire(ctx, 0); err != nil {
				return err
			}
			interrupt = nil
		}
	}
	p := m.replacing
	if p == nil {
		return nil
	}
	if err := p.Wait(ctx); err != nil && !p.isSettled() {
		return err
	}
	p.f.closeOrphan(ctx)
	return nil
}

// orphan keeps a file that is being closed if its mark is not replaced yet: if it
// cannot be now, whoever comes by next does that. What else was not acknowledged
// is given up. It reports whether the file is kept.
func (f *file) orphan() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.mark == nil || f.mark.settled {
		return false
	}
	f.orphaned = true
	f.unacked = []*pending{f.mark}
	return true
}

// closeOrphan closes a file that was kept for its mark, which is replaced now.
func (f *file) closeOrphan(ctx context.Context) {
	f.mu.Lock()
	orphaned := f.orphaned
	f.mu.Unlock()
	if orphaned {
		_ = f.Close(ctx)
	}
}

// near returns the marks at path and directly below it.
func (m *marks) near(path string) []*mark {
	m.mu.Lock()
	defer m.mu.Unlock()
	var found []*mark
	for one := range m.all {
		if one.path == path || gopath.Dir(one.path) == gopath.Clean(path) {
			found = append(found, one)
		}
	}
	return found
}

// markTime is how long a mark must have stayed for its maker not to be at work
// on the file: that one would have replaced it a round trip after the open.
const markTime = time.Second

// claim opens the file at path if it carries the mark.
func (f *FS) claim(ctx context.Context, path string, flags sftpconn.OpenFlags, mark uint32) (*file, error) {
	timer := time.NewTimer(markTime)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	attr, err := f.lstat(ctx, path)
	if err != nil {
		return nil, err
	}
	if !attr.IsRegular() || attr.Size != 0 || attr.Mode&0o7777 != mark {
		return nil, errNotDone
	}
	// The mark may not let us open it.
	if _, err := f.setAttr(ctx, path, *modeOf(mark | syscall.S_IRUSR | syscall.S_IWUSR)); err != nil {
		return nil, err
	}
	return run(ctx, f.sup, opOpen, func(l *link) (*file, error) {
		return f.openOn(ctx, l, path, flags&^(sftpconn.Create|sftpconn.Excl), 0)
	}, nil)
}

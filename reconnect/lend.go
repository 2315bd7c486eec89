package reconnect

import (
	"context"
	"syscall"

	"sftpmount/sftpconn"
)

// openLent opens a file again that its permissions no longer let us open. A
// program may have an open file that it could not open now: git writes its packs
// with mode 0444, and tar makes files read-only before it has filled them. The
// owner's permission is lent for the time of the open. refusal is what the
// server said, and is returned if permissions are not the reason.
func (f *file) openLent(ctx context.Context, l *link, path string, refusal error) (sftpconn.File, sftpconn.Attr, error) {
	before, err := l.Lstat(ctx, path)
	if err != nil {
		return nil, before, err
	}
	needed := f.neededMode()
	if !before.IsRegular() || before.Mode&needed == needed {
		return nil, before, refusal
	}
	// It is known before the request is made, in case its reply is lost.
	f.owe(modeOf(before.Mode))
	f.fs.sup.log.Info("lending permission to open a file again", "path", path, "mode", before.Mode&0o7777)
	if _, err := l.SetAttr(ctx, path, *modeOf(before.Mode | needed)); err != nil {
		if !unfinished(err) {
			f.owe(nil)
			err = refusal
		}
		return nil, before, err
	}
	return l.Open(ctx, path, f.flags, 0)
}

func (f *file) neededMode() uint32 {
	var mode uint32
	if f.flags&sftpconn.Read != 0 {
		mode |= syscall.S_IRUSR
	}
	if f.flags&(sftpconn.Write|sftpconn.Append) != 0 {
		mode |= syscall.S_IWUSR
	}
	return mode
}

func modeOf(mode uint32) *sftpconn.SetAttr {
	return &sftpconn.SetAttr{Attr: sftpconn.Attr{Valid: sftpconn.AttrMode, Mode: mode & 0o7777}}
}

func (f *file) owe(mode *sftpconn.SetAttr) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.owed = mode
}

// restoreMode takes back what openLent lent, now or over an earlier connection.
func (f *file) restoreMode(ctx context.Context, h sftpconn.File) error {
	f.mu.Lock()
	owed := f.owed
	f.mu.Unlock()
	if owed == nil {
		return nil
	}
	if err := h.SetAttr(*owed).Wait(ctx); err != nil {
		return err
	}
	f.owe(nil)
	return nil
}

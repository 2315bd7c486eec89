package cache

import (
	"context"
	"syscall"

	"sftpmount/cache/internal/known"
	"sftpmount/cache/internal/pathname"
	"sftpmount/sftpconn"
)

// permissions is what a mode holds besides the type, and special what of it is
// not about reading, writing and executing.
const (
	permissions = 0o7777
	special     = 0o7000
)

// maker is whom files belong to that are made here: the user who logged in. It
// is guarded by FS.mu.
type maker struct {
	uid, gid uint32
	known    bool
	grouped  bool // gid is known: it is that of files in folders that do not pass on theirs
	plain    bool // only set-group-ID folders do, as seen where a file's group was not its folder's
}

// learnNew takes in the attributes of what was just made at path. ctx was that of
// the request. f.mu is held.
func (f *FS) learnNew(ctx context.Context, path string, attr sftpconn.Attr) {
	if attr.Valid&sftpconn.AttrTimes != 0 {
		f.names.Clock.Learn(attr.Mtime)
	}
	if attr.Valid&sftpconn.AttrOwners == 0 {
		return
	}
	dir, _ := pathname.Split(path)
	folder, v := f.names.Lookup(dir)
	bare := v == known.Present && folder.Valid == sftpconn.AttrAll && folder.Mode&syscall.S_ISGID == 0
	f.maker.plain = f.maker.plain || bare && attr.GID != folder.GID
	owner, given := sftpconn.OwnerIn(ctx)
	if given && attr.UID == owner.UID && attr.UID != 0 {
		return // it may have been given to him
	}
	f.maker.uid, f.maker.known = attr.UID, true
	if bare {
		f.maker.gid, f.maker.grouped = attr.GID, true
	}
}

// sure reports whether the server is bound to change a file with the attributes
// attr as set says, to exactly that: it is the owner's right, and root's.
func (m *maker) sure(attr sftpconn.Attr, set sftpconn.SetAttr) bool {
	switch {
	case !m.known || attr.Valid != sftpconn.AttrAll || attr.UID != m.uid && m.uid != 0:
		return false
	case set.Valid&sftpconn.AttrSize != 0: // there may be no room
		return false
	case set.Valid&sftpconn.AttrMode != 0 && set.Mode&special != 0: // which may be taken away
		return false
	}
	return set.Valid&sftpconn.AttrOwners == 0 || keepsOwners(attr, set)
}

// sure reports whether the server is bound to change a file as set says.
func (f *FS) sure(attr sftpconn.Attr, set sftpconn.SetAttr) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.isSure(attr, set)
}

// isSure is sure with f.mu held.
func (f *FS) isSure(attr sftpconn.Attr, set sftpconn.SetAttr) bool {
	return f.maker.sure(attr, set) || f.errands != nil && f.mayGive(attr, set)
}

// keepsOwners reports whether set gives a file the owners that it has.
func keepsOwners(attr sftpconn.Attr, set sftpconn.SetAttr) bool {
	return set.UID == attr.UID && set.GID == attr.GID && attr.Mode&special == 0
}

// changed returns attr with all that set changes but the size.
func changed(attr sftpconn.Attr, set sftpconn.SetAttr) sftpconn.Attr {
	if set.Valid&sftpconn.AttrMode != 0 {
		attr.Mode = attr.Mode&^permissions | set.Mode&permissions
	}
	if set.Valid&sftpconn.AttrOwners != 0 {
		attr.UID, attr.GID = set.UID, set.GID
	}
	if set.Valid&sftpconn.AttrTimes != 0 {
		attr.Atime, attr.Mtime = set.Atime, set.Mtime
	}
	return attr
}

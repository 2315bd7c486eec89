package known

import (
	"context"
	"syscall"

	"sftpmount/cache/internal/pathname"
	"sftpmount/sftpconn"
)

// Permissions is what a mode holds besides the type, and special what of it is
// not about reading, writing and executing.
const (
	Permissions = 0o7777
	special     = 0o7000
)

// maker is whom files belong to that are made here: the user who logged in.
type maker struct {
	uid, gid uint32
	known    bool
	grouped  bool // gid is known: it is that of files in folders that do not pass on theirs
	plain    bool // only set-group-ID folders do, as seen where a file's group was not its folder's
}

// LearnNew takes in the attributes of what was just made at path. ctx was that of
// the request.
func (n *Names) LearnNew(ctx context.Context, path string, attr sftpconn.Attr) {
	if attr.Valid&sftpconn.AttrTimes != 0 {
		n.Clock.Learn(attr.Mtime)
	}
	if attr.Valid&sftpconn.AttrOwners == 0 {
		return
	}
	dir, _ := pathname.Split(path)
	folder, v := n.Lookup(dir)
	bare := v == Present && folder.Valid == sftpconn.AttrAll && folder.Mode&syscall.S_ISGID == 0
	n.maker.plain = n.maker.plain || bare && attr.GID != folder.GID
	owner, given := sftpconn.OwnerIn(ctx)
	if given && attr.UID == owner.UID && attr.UID != 0 {
		return // it may have been given to him
	}
	n.maker.uid, n.maker.known = attr.UID, true
	if bare {
		n.maker.gid, n.maker.grouped = attr.GID, true
	}
}

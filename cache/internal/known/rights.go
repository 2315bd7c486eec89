package known

import (
	"context"
	"syscall"

	"sftpmount/cache/internal/pathname"
	"sftpmount/sftpconn"
)

// The methods in this file say what the server is bound to do, as far as names and
// attributes that are known tell.

// Newcomer returns the attributes that a file of this mode is going to have that
// is made at path, if it is sure to be made.
func (n *Names) Newcomer(ctx context.Context, path string, mode uint32) (sftpconn.Attr, bool) {
	if !n.IsFree(path) {
		return sftpconn.Attr{}, false
	}
	dir, _ := pathname.Split(path)
	folder, _ := n.mayFill(dir)
	now, grouped := n.Clock.Now(), n.maker.grouped
	attr := sftpconn.Attr{
		Valid: sftpconn.AttrAll, Mode: mode, UID: n.maker.uid, GID: n.maker.gid, Atime: now, Mtime: now,
	}
	if owner, given := sftpconn.OwnerIn(ctx); given && n.maker.uid == 0 {
		attr.UID, attr.GID, grouped = owner.UID, owner.GID, true
	}
	passes := folder.Mode&syscall.S_ISGID != 0
	if passes {
		attr.GID = folder.GID
		if attr.IsDir() {
			attr.Mode |= syscall.S_ISGID
		}
	}
	return attr, passes || grouped && (n.maker.plain || attr.GID == folder.GID)
}

// mayFill reports whether names can be made and removed in dir.
func (n *Names) mayFill(dir string) (sftpconn.Attr, bool) {
	const writeAndSearch = 0o300
	attr, v := n.Lookup(dir)
	mine := attr.UID == n.maker.uid && attr.Mode&writeAndSearch == writeAndSearch
	return attr, v == Present && attr.IsDir() && attr.Valid == sftpconn.AttrAll && n.maker.known && (mine || n.maker.uid == 0)
}

// MayLose reports whether the file at path, with the attributes attr, can be
// removed or renamed.
func (n *Names) MayLose(path string, attr sftpconn.Attr) bool {
	dir, _ := pathname.Split(path)
	folder, ok := n.mayFill(dir)
	sticky := folder.Mode&syscall.S_ISVTX != 0 && attr.UID != n.maker.uid && n.maker.uid != 0
	return ok && !sticky && n.Exists(path)
}

// IsFree reports whether a file can get the name path, which nobody has.
func (n *Names) IsFree(path string) bool {
	dir, _ := pathname.Split(path)
	_, ok := n.mayFill(dir)
	_, v := n.Lookup(path)
	return ok && v == Absent
}

// MayGive reports whether set gives a file away, which is root's right.
func (n *Names) MayGive(attr sftpconn.Attr, set sftpconn.SetAttr) bool {
	rest := set
	rest.Valid &^= sftpconn.AttrOwners
	return n.maker.known && n.maker.uid == 0 && attr.Mode&special == 0 && n.MaySet(attr, rest)
}

// MayOpen reports whether a file with the attributes attr can be opened.
func (n *Names) MayOpen(attr sftpconn.Attr, flags sftpconn.OpenFlags) bool {
	var needed uint32
	if flags&sftpconn.Read != 0 {
		needed |= syscall.S_IRUSR
	}
	if flags&sftpconn.Write != 0 {
		needed |= syscall.S_IWUSR
	}
	return n.maker.known && (n.maker.uid == 0 || attr.UID == n.maker.uid && attr.Mode&needed == needed)
}

// MaySet reports whether the server is bound to change a file with the attributes
// attr as set says, to exactly that: it is the owner's right, and root's.
func (n *Names) MaySet(attr sftpconn.Attr, set sftpconn.SetAttr) bool {
	switch {
	case !n.maker.known || attr.Valid != sftpconn.AttrAll || attr.UID != n.maker.uid && n.maker.uid != 0:
		return false
	case set.Valid&sftpconn.AttrSize != 0: // there may be no room
		return false
	case set.Valid&sftpconn.AttrMode != 0 && set.Mode&special != 0: // which may be taken away
		return false
	}
	return set.Valid&sftpconn.AttrOwners == 0 || KeepsOwners(attr, set)
}

// KeepsOwners reports whether set gives a file the owners that it has.
func KeepsOwners(attr sftpconn.Attr, set sftpconn.SetAttr) bool {
	return set.UID == attr.UID && set.GID == attr.GID && attr.Mode&special == 0
}

// Changed returns attr with all that set changes but the size.
func Changed(attr sftpconn.Attr, set sftpconn.SetAttr) sftpconn.Attr {
	if set.Valid&sftpconn.AttrMode != 0 {
		attr.Mode = attr.Mode&^Permissions | set.Mode&Permissions
	}
	if set.Valid&sftpconn.AttrOwners != 0 {
		attr.UID, attr.GID = set.UID, set.GID
	}
	if set.Valid&sftpconn.AttrTimes != 0 {
		attr.Atime, attr.Mtime = set.Atime, set.Mtime
	}
	return attr
}

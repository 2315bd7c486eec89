package sftpconn

import (
	"context"
	gopath "path"
	"syscall"
)

// Owner is a user and a group, by number.
type Owner struct {
	UID, GID uint32
}

type ownerKey struct{}

// WithOwner returns a context in which what Open, Mkdir and Symlink make is
// given to owner, as if that user had made it on the server: a folder's group
// stays, where the folder passes it on as set-group-ID ones do, and all on BSD.
// Only root's sessions may give files away; what others make belongs to the user
// who logged in.
func WithOwner(ctx context.Context, owner Owner) context.Context {
	return context.WithValue(ctx, ownerKey{}, owner)
}

// WithoutOwner returns a context in which what is made belongs to the user who
// logged in.
func WithoutOwner(ctx context.Context) context.Context {
	return context.WithValue(ctx, ownerKey{}, nil)
}

// OwnerIn returns the owner that WithOwner put into ctx.
func OwnerIn(ctx context.Context) (owner Owner, ok bool) {
	owner, ok = ctx.Value(ownerKey{}).(Owner)
	return owner, ok
}

// setID are the mode bits that a file loses when it is given away (chown(2)).
const setID = syscall.S_ISUID | syscall.S_ISGID

// giving is a file that is being made, and is to be given to an owner.
type giving struct {
	conn  *Conn
	owner Owner
	dir   *call // STAT of the folder
}

// startGiving asks, in the same round trip in which path is made, for what it
// takes to know whose the file will have to be. It returns nil if that of the
// user who logged in will do.
func (c *Conn) startGiving(ctx context.Context, path string) *giving {
	owner, ok := OwnerIn(ctx)
	if !ok || owner == (Owner{}) {
		return nil
	}
	return &giving{conn: c, owner: owner, dir: c.startStat(gopath.Dir(path))}
}

// change returns the change that gives away a file with the attributes made. It
// follows no symbolic link where the server can do without, since whatever is at
// the path by then would be given away.
func (g *giving) change(ctx context.Context, made Attr) (set SetAttr, ok bool) {
	if g == nil || made.Valid&AttrOwners == 0 || made.UID != 0 {
		return SetAttr{}, false
	}
	owner := g.owner
	if dir, err := awaitAttr(ctx, g.dir); err == nil && dir.passesGroupTo(made) {
		owner.GID = made.GID
	}
	if owner == (Owner{made.UID, made.GID}) {
		return SetAttr{}, false
	}
	set.Attr = Attr{Valid: AttrOwners, UID: owner.UID, GID: owner.GID}
	set.NoFollow = g.conn.has(extLsetstat)
	return set, true
}

// passesGroupTo reports whether what root made in the folder has got its group: by
// the set-group-ID bit, or as on BSD, which shows where the group is not root's.
func (a Attr) passesGroupTo(made Attr) bool {
	return a.Valid&AttrMode != 0 && a.Mode&syscall.S_ISGID != 0 ||
		a.Valid&AttrOwners != 0 && a.GID == made.GID && made.GID != 0
}

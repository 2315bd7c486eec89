package fusefs

import (
	"context"

	"sftpmount/sftpconn"
)

// owned returns a context in which what is made belongs to the program's user,
// where that is how it looks here: on a mount that several users use, each with
// the rights that owners and modes give. Otherwise it belongs to the user who
// logged in.
func (o *operation) owned(ctx context.Context) context.Context {
	opts := &o.tree.opts
	shared := opts.AllowOther && opts.DefaultPermissions
	if !shared || opts.UID != nil || opts.GID != nil {
		return ctx
	}
	return sftpconn.WithOwner(ctx, sftpconn.Owner{UID: o.Uid, GID: o.Gid})
}

package idmap

import (
	"context"
	"syscall"

	"sftpmount/sftpconn"
)

// session is a Session whose files belong to the users and groups of this
// machine. The methods that it does not have know nothing of owners.
type session struct {
	sftpconn.Session
	server Server
	ids    Map
}

// Wrap returns a Session over server whose owners are translated: those shown,
// those set, and those that new files are given (see [sftpconn.WithOwner]).
//
// A file whose owner has no number here fails with EPERM when it is asked for,
// and so does giving a file to one who has none on the server. A new file of a
// user who has none belongs to the user who logged in.
func Wrap(server Server, ids Map) sftpconn.Session {
	asTheyAre := NewTable(nil, false)
	if ids.Users == nil {
		ids.Users = asTheyAre
	}
	if ids.Groups == nil {
		ids.Groups = asTheyAre
	}
	return &session{Session: server, server: server, ids: ids}
}

// show translates the owners of attr.
func (s *session) show(ctx context.Context, attr *sftpconn.Attr) error {
	entries := []sftpconn.DirEntry{{Attr: *attr}}
	err := s.showAll(ctx, entries)
	if err == nil && attr.Valid != entries[0].Attr.Valid {
		err = syscall.EPERM
	}
	*attr = entries[0].Attr
	return err
}

// showAll translates the owners of entries, and takes away those that have no
// number here.
func (s *session) showAll(ctx context.Context, entries []sftpconn.DirEntry) error {
	uids, gids := make([]uint32, 0, len(entries)), make([]uint32, 0, len(entries))
	for _, e := range entries {
		if e.Attr.Valid&sftpconn.AttrOwners != 0 {
			uids, gids = append(uids, e.Attr.UID), append(gids, e.Attr.GID)
		}
	}
	users, err := s.ids.Users.Local(ctx, s.server, uids)
	if err != nil {
		return err
	}
	groups, err := s.ids.Groups.Local(ctx, s.server, gids)
	if err != nil {
		return err
	}
	for i := range entries {
		a := &entries[i].Attr
		if a.Valid&sftpconn.AttrOwners == 0 {
			continue
		}
		uid, hasUID := users[a.UID]
		gid, hasGID := groups[a.GID]
		if !hasUID || !hasGID {
			a.Valid &^= sftpconn.AttrOwners
			uid, gid = Nobody, Nobody
		}
		a.UID, a.GID = uid, gid
	}
	return nil
}

// shown translates the answer to a question.
func (s *session) shown(ctx context.Context, attr sftpconn.Attr, err error) (sftpconn.Attr, error) {
	if err == nil {
		err = s.show(ctx, &attr)
	}
	return attr, err
}

// made translates the answer to a change, which was made in any case.
func (s *session) made(ctx context.Context, attr sftpconn.Attr, err error) (sftpconn.Attr, error) {
	if err == nil {
		_ = s.show(ctx, &attr)
	}
	return attr, err
}

// Lstat implements [sftpconn.FS].
func (s *session) Lstat(ctx context.Context, path string) (sftpconn.Attr, error) {
	attr, err := s.server.Lstat(ctx, path)
	return s.shown(ctx, attr, err)
}

// Stat implements [sftpconn.FS].
func (s *session) Stat(ctx context.Context, path string) (sftpconn.Attr, error) {
	attr, err := s.server.Stat(ctx, path)
	return s.shown(ctx, attr, err)
}

// ReadDir implements [sftpconn.FS].
func (s *session) ReadDir(ctx context.Context, path string) ([]sftpconn.DirEntry, error) {
	entries, err := s.server.ReadDir(ctx, path)
	if err != nil {
		return nil, err
	}
	return entries, s.showAll(ctx, entries)
}

// SetAttr implements [sftpconn.FS].
func (s *session) SetAttr(ctx context.Context, path string, set sftpconn.SetAttr) (sftpconn.Attr, error) {
	ask := s.server.Stat
	if set.NoFollow {
		ask = s.server.Lstat
	}
	err := s.translate(ctx, &set, func() (sftpconn.Attr, error) { return ask(ctx, path) })
	if err != nil {
		return sftpconn.Attr{}, err
	}
	attr, err := s.server.SetAttr(ctx, path, set)
	return s.made(ctx, attr, err)
}

// translate translates the owners in set, for a file whose attributes current
// returns. The one who is to stay, of the two, is left as he is on the server:
// several there may look alike here.
func (s *session) translate(ctx context.Context, set *sftpconn.SetAttr, current func() (sftpconn.Attr, error)) error {
	if set.Valid&sftpconn.AttrOwners == 0 {
		return nil
	}
	remote, err := current()
	if err != nil {
		return err
	}
	local := remote
	_ = s.show(ctx, &local) // who has no number here does not stay
	if set.UID == local.UID {
		set.UID = remote.UID
	} else if set.UID, err = s.toServer(ctx, s.ids.Users, set.UID); err != nil {
		return err
	}
	if set.GID == local.GID {
		set.GID = remote.GID
	} else if set.GID, err = s.toServer(ctx, s.ids.Groups, set.GID); err != nil {
		return err
	}
	return nil
}

// toServer returns EPERM for one who is not known on the server.
func (s *session) toServer(ctx context.Context, ids IDs, local uint32) (uint32, error) {
	remote, ok, err := ids.Remote(ctx, s.server, local)
	if err == nil && !ok {
		err = syscall.EPERM
	}
	return remote, err
}

// owned translates the owner that new files are given in ctx.
func (s *session) owned(ctx context.Context) context.Context {
	local, ok := sftpconn.OwnerIn(ctx)
	if !ok {
		return ctx
	}
	uid, err := s.toServer(ctx, s.ids.Users, local.UID)
	if err != nil {
		return sftpconn.WithoutOwner(ctx)
	}
	gid, err := s.toServer(ctx, s.ids.Groups, local.GID)
	if err != nil {
		return sftpconn.WithoutOwner(ctx)
	}
	return sftpconn.WithOwner(ctx, sftpconn.Owner{UID: uid, GID: gid})
}

// Mkdir implements [sftpconn.FS].
func (s *session) Mkdir(ctx context.Context, path string, mode uint32) (sftpconn.Attr, error) {
	attr, err := s.server.Mkdir(s.owned(ctx), path, mode)
	return s.made(ctx, attr, err)
}

// Symlink implements [sftpconn.FS].
func (s *session) Symlink(ctx context.Context, target, path string) (sftpconn.Attr, error) {
	attr, err := s.server.Symlink(s.owned(ctx), target, path)
	return s.made(ctx, attr, err)
}

// Link implements [sftpconn.FS].
func (s *session) Link(ctx context.Context, oldPath, newPath string) (sftpconn.Attr, error) {
	attr, err := s.server.Link(ctx, oldPath, newPath)
	return s.made(ctx, attr, err)
}

// Open implements [sftpconn.FS].
func (s *session) Open(ctx context.Context, path string, flags sftpconn.OpenFlags, mode uint32) (sftpconn.File, sftpconn.Attr, error) {
	if flags&sftpconn.Create != 0 {
		ctx = s.owned(ctx)
	}
	f, attr, err := s.server.Open(ctx, path, flags, mode)
	if err != nil {
		return nil, attr, err
	}
	attr, err = s.made(ctx, attr, nil)
	return &file{f.(sftpconn.Finder), s}, attr, err
}

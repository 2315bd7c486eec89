package idmap_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sftpmount/sftpconn"
	"sftpmount/sftpconn/idmap"
	"sftpmount/sftpconn/sftptest"
)

// A session passes the suite.
func TestSuite(t *testing.T) {
	sftptest.TestFS(t, func(t *testing.T) (sftpconn.FS, string) {
		return idmap.Wrap(newConn(t), idmap.Map{}), t.TempDir()
	}, nil)
}

func newConn(t *testing.T) *sftpconn.Conn {
	conn, err := sftpconn.New(t.Context(), sftptest.SFTPServerTransport(t), sftpconn.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func owners(a sftpconn.Attr) sftpconn.Owner { return sftpconn.Owner{UID: a.UID, GID: a.GID} }

func onDisk(t *testing.T, path string) sftpconn.Owner {
	var st syscall.Stat_t
	require.NoError(t, syscall.Lstat(path, &st))
	return sftpconn.Owner{UID: st.Uid, GID: st.Gid}
}

func set(uid, gid uint32) sftpconn.SetAttr {
	return sftpconn.SetAttr{Attr: sftpconn.Attr{Valid: sftpconn.AttrOwners, UID: uid, GID: gid}}
}

// newTable returns a session with a table of users and groups, which holds all
// that may be, and a folder with a file.
func newTable(t *testing.T) (s sftpconn.Session, dir, file string) {
	if os.Getuid() != 0 {
		t.Skip("only root can give files away")
	}
	table := idmap.NewTable(map[uint32]uint32{0: 0, 1000: 2000, 1001: 2001}, true)
	dir = t.TempDir()
	file = filepath.Join(dir, "file")
	require.NoError(t, os.WriteFile(file, nil, 0o644))
	return idmap.Wrap(newConn(t), idmap.Map{Users: table, Groups: table}), dir, file
}

// Display and change go through the map.
func TestTable(t *testing.T) {
	s, _, path := newTable(t)
	ctx := t.Context()

	attr, err := s.SetAttr(ctx, path, set(1000, 1001))
	require.NoError(t, err)
	assert.Equal(t, sftpconn.Owner{UID: 1000, GID: 1001}, owners(attr))
	assert.Equal(t, sftpconn.Owner{UID: 2000, GID: 2001}, onDisk(t, path))
	attr, err = s.Lstat(ctx, path)
	require.NoError(t, err)
	assert.Equal(t, sftpconn.Owner{UID: 1000, GID: 1001}, owners(attr))
	_, err = s.SetAttr(ctx, path, set(1234, 1001))
	require.ErrorIs(t, err, syscall.EPERM, "nobody there is 1234 here")

	f, _, err := s.Open(ctx, path, sftpconn.Write, 0)
	require.NoError(t, err)
	require.NoError(t, f.SetAttr(set(1001, 1001)).Wait(ctx))
	require.ErrorIs(t, f.SetAttr(set(1001, 1234)).Wait(ctx), syscall.EPERM)
	attr, err = f.Attr(ctx)
	require.NoError(t, err)
	assert.Equal(t, sftpconn.Owner{UID: 1001, GID: 1001}, owners(attr))
	require.NoError(t, f.Close(ctx))
	assert.Equal(t, sftpconn.Owner{UID: 2001, GID: 2001}, onDisk(t, path))
}

// An owner of an open file is changed in order, and who waits for it can be ended.
func TestChangeOfOwnerIsOnlyStarted(t *testing.T) {
	var mute atomic.Bool
	server := &sftptest.Scripted{Answer: func(r sftptest.RawRequest) ([]byte, error) {
		if mute.Load() {
			return nil, nil
		}
		return r.Honest()
	}}
	conn, err := sftpconn.New(t.Context(), server, sftpconn.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	path := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(path, nil, 0o644))
	f, _, err := idmap.Wrap(conn, idmap.Map{}).Open(t.Context(), path, sftpconn.Write, 0)
	require.NoError(t, err)
	own := set(uint32(os.Getuid()), uint32(os.Getgid()))
	f.SetAttr(own)
	f.SetAttr(sftpconn.SetAttr{Attr: sftpconn.Attr{Valid: sftpconn.AttrMode, Mode: 0o4755}})
	require.NoError(t, f.Flush(t.Context()))
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, os.ModeSetuid|0o755, info.Mode(), "chown(2) takes the bit away")

	mute.Store(true)
	waited := make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	go func() { waited <- f.SetAttr(own).Wait(ctx) }()
	select {
	case err := <-waited:
		require.ErrorIs(t, err, context.Canceled)
	case <-time.After(10 * time.Second):
		require.Fail(t, "who waits cannot be ended")
	}
}

// Creation goes through the map, too.
func TestMakersInTable(t *testing.T) {
	s, dir, _ := newTable(t)
	for owner, want := range map[sftpconn.Owner]sftpconn.Owner{
		{UID: 1000, GID: 1000}: {UID: 2000, GID: 2000},
		{UID: 1234, GID: 1000}: {}, // he is not known there: it is the session's user's
	} {
		made := sftpconn.WithOwner(t.Context(), owner)
		_, err := s.Mkdir(made, dir+"/made", 0o755)
		require.NoError(t, err)
		_, err = s.Symlink(made, "target", dir+"/made/link")
		require.NoError(t, err)
		f, _, err := s.Open(made, dir+"/made/file", sftpconn.Write|sftpconn.Create, 0o600)
		require.NoError(t, err)
		require.NoError(t, f.Close(made))
		for _, name := range []string{"", "/link", "/file"} {
			assert.Equal(t, want, onDisk(t, dir+"/made"+name), name)
		}
		require.NoError(t, os.RemoveAll(dir+"/made"))
	}
}

// Who is not in the table cannot be shown, unless it says nothing of others.
func TestStrangersToTable(t *testing.T) {
	s, dir, path := newTable(t)
	ctx := t.Context()
	require.NoError(t, os.Chown(path, 4321, 2000))
	_, err := s.Lstat(ctx, path)
	require.ErrorIs(t, err, syscall.EPERM)
	entries, err := s.ReadDir(ctx, dir)
	require.NoError(t, err)
	require.Len(t, entries, 1)
	assert.Zero(t, entries[0].Attr.Valid&sftpconn.AttrOwners)

	lenient := idmap.NewTable(map[uint32]uint32{1000: 2000}, false)
	s = idmap.Wrap(newConn(t), idmap.Map{Users: lenient})
	attr, err := s.Lstat(ctx, path)
	require.NoError(t, err)
	assert.Equal(t, sftpconn.Owner{UID: 4321, GID: 2000}, owners(attr), "groups are not translated at all")
	_, err = s.SetAttr(ctx, path, set(1000, 7))
	require.NoError(t, err)
	assert.Equal(t, sftpconn.Owner{UID: 2000, GID: 7}, onDisk(t, path))
}

// namesServer is a server whose users have names.
type namesServer struct {
	sftpconn.Session
	names map[uint32]string
	asked [][]uint32
	list  string
	owner sftpconn.Owner // of its one file
}

func (s *namesServer) OwnerNames(_ context.Context, uids, gids []uint32) (users, groups []string, err error) {
	s.asked = append(s.asked, append(append([]uint32{}, uids...), gids...))
	for _, id := range uids {
		users = append(users, s.names[id])
	}
	for _, id := range gids {
		groups = append(groups, s.names[id])
	}
	return users, groups, nil
}

func newNamesServer() *namesServer {
	s := &namesServer{names: map[uint32]string{0: "root", 500: "daemon", 501: "stranger"}, owner: sftpconn.Owner{UID: 500, GID: 501}}
	attr := func() sftpconn.Attr {
		return sftpconn.Attr{Valid: sftpconn.AttrAll, Mode: syscall.S_IFREG, UID: s.owner.UID, GID: s.owner.GID}
	}
	s.Session = &sftptest.Mock{
		LstatFn: func(context.Context, string) (sftpconn.Attr, error) { return attr(), nil },
		StatFn:  func(context.Context, string) (sftpconn.Attr, error) { return attr(), nil },
		ReadDirFn: func(context.Context, string) ([]sftpconn.DirEntry, error) {
			return []sftpconn.DirEntry{{Name: "a", Attr: attr()}, {Name: "b", Attr: attr()}}, nil
		},
		SetAttrFn: func(_ context.Context, _ string, set sftpconn.SetAttr) (sftpconn.Attr, error) {
			s.owner = sftpconn.Owner{UID: set.UID, GID: set.GID}
			return attr(), nil
		},
		OpenFn: func(_ context.Context, path string, _ sftpconn.OpenFlags, _ uint32) (sftpconn.File, sftpconn.Attr, error) {
			if s.list == "" {
				return nil, sftpconn.Attr{}, &sftpconn.StatusError{Op: "OPEN", Path: path, Code: sftpconn.StatusNoSuchFile}
			}
			return &sftptest.MockFile{
				ReadAtFn: func(_ context.Context, p []byte, _ int64) (int, error) { return copy(p, s.list), nil },
				CloseFn:  func(context.Context) error { return nil },
			}, sftpconn.Attr{Size: uint64(len(s.list))}, nil
		},
	}
	return s
}

// Owners are matched by name. "daemon" is 1 on every Linux, and a user and a
// group; nobody here is called "stranger".
func TestNames(t *testing.T) {
	server := newNamesServer()
	s := idmap.Wrap(server, idmap.NewNames())
	ctx := t.Context()
	for range 2 {
		entries, err := s.ReadDir(ctx, "/")
		require.NoError(t, err)
		for _, e := range entries {
			assert.Equal(t, sftpconn.Owner{UID: 1, GID: idmap.Nobody}, owners(e.Attr))
		}
	}
	assert.Equal(t, [][]uint32{{500}, {501}}, server.asked, "each name is asked for once")

	_, err := s.SetAttr(ctx, "/a", set(0, idmap.Nobody))
	require.NoError(t, err)
	assert.Equal(t, sftpconn.Owner{UID: 0, GID: 501}, server.owner, "the group stays, whoever it is")
	_, err = s.SetAttr(ctx, "/a", set(1, idmap.Nobody))
	require.NoError(t, err)
	assert.Equal(t, sftpconn.Owner{UID: 500, GID: 501}, server.owner)

	server.owner = sftpconn.Owner{UID: 501, GID: 500}
	_, err = s.SetAttr(ctx, "/a", set(idmap.Nobody, 0))
	require.NoError(t, err)
	assert.Equal(t, sftpconn.Owner{UID: 501, GID: 0}, server.owner, "and so does the user")

	_, err = s.SetAttr(ctx, "/a", set(2, idmap.Nobody)) // "bin"
	require.ErrorIs(t, err, syscall.EPERM)
	server = newNamesServer()
	server.list = "root:x:0:0::/:\nnonsense\nbin:x:777:777:bin:/bin:/bin/sh\n"
	s = idmap.Wrap(server, idmap.NewNames())
	_, err = s.SetAttr(ctx, "/a", set(2, idmap.Nobody))
	require.NoError(t, err)
	assert.EqualValues(t, 777, server.owner.UID, "the server's list has it")
}

// A server that makes up names without end does not fill the memory, and what it
// says is believed nevertheless.
func TestNamesWithoutEnd(t *testing.T) {
	server := newNamesServer()
	users := idmap.NewNames().Users
	const all = 100_000
	ids := make([]uint32, all)
	for i := range ids {
		ids[i] = uint32(i)
	}
	for range 2 {
		server.asked = nil
		found, err := users.Local(t.Context(), server, ids)
		require.NoError(t, err)
		assert.Len(t, found, all)
		assert.EqualValues(t, 1, found[500])
		require.Len(t, server.asked, 1)
		assert.Greater(t, len(server.asked[0]), all/2, "most have been forgotten")
	}
}

// The real server's names, and what is said of one that has none.
func TestNamesOfOpenSSH(t *testing.T) {
	conn := newConn(t)
	users, groups, err := conn.OwnerNames(t.Context(), []uint32{0, 4_000_000}, []uint32{0})
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skip("this OpenSSH is older than 9.0")
	}
	require.NoError(t, err)
	assert.Equal(t, []string{"root", ""}, users)
	assert.Equal(t, []string{"root"}, groups)
	many := make([]uint32, 2500)
	users, _, err = conn.OwnerNames(t.Context(), many, nil)
	require.NoError(t, err)
	assert.Len(t, users, 2500)
}

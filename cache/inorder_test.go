package cache

import (
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sftpmount/cache/internal/known"
	"sftpmount/sftpconn"
)

// modeOf returns the known.Permissions of a file on the server.
func (s *farServer) modeOf(t *testing.T, path string) uint32 {
	t.Helper()
	attr, err := s.Lstat(t.Context(), path)
	require.NoError(t, err)
	return attr.Mode & known.Permissions
}

// What was answered about one name of a file comes before what is asked or changed
// by another one.
func TestOrderAmongHardLinks(t *testing.T) {
	async(t, Options{}, func(t *testing.T, s *farServer, f *FS) {
		ctx := t.Context()
		chmod := func(path string, mode uint32) {
			t.Helper()
			_, err := f.SetAttr(ctx, path, setMode(mode))
			require.NoError(t, err)
		}
		putFile(t, f, "/d/a", []byte("a"))
		require.NoError(t, f.SyncDir(ctx, "/"))
		_, err := f.Link(ctx, "/d/a", "/d/b")
		require.NoError(t, err)
		require.NoError(t, f.Rename(ctx, "/d/a", "/d/c", true))
		chmod("/d/c", 0o600)
		attr, err := f.Lstat(ctx, "/d/b")
		require.NoError(t, err)
		assert.EqualValues(t, 0o600, attr.Mode&known.Permissions)
		require.NoError(t, f.Rename(ctx, "/d/c", "/d/e", true))
		chmod("/d/e", 0o640)
		chmod("/d/b", 0o604)
		require.NoError(t, f.SyncDir(ctx, "/"))
		assert.EqualValues(t, 0o604, s.modeOf(t, "/d/b"))
	})
}

// A change through an open file does not overtake one by path.
func TestOrderOfChangesOfAnOpenFile(t *testing.T) {
	async(t, Options{}, func(t *testing.T, s *farServer, f *FS) {
		ctx := t.Context()
		file := open(t, f, "/d/a", newFile)
		require.NoError(t, f.SyncDir(ctx, "/"))
		time.Sleep(f.opts.AttrTimeout + time.Second)
		_, err := f.ReadDir(ctx, "/d") // the file itself is not asked
		require.NoError(t, err)
		require.NoError(t, f.Rename(ctx, "/d/a", "/d/b", true))
		_, err = f.SetAttr(ctx, "/d/b", setMode(0o600))
		require.NoError(t, err)
		reader := open(t, f, "/d/b", sftpconn.Read)
		_, err = f.SetAttr(ctx, "/d/b", setMode(0o640))
		require.NoError(t, err)
		require.NoError(t, f.SyncDir(ctx, "/"))
		assert.EqualValues(t, 0o640, s.modeOf(t, "/d/b"))
		require.NoError(t, reader.Close(ctx))
		require.NoError(t, file.Close(ctx))
	})
}

// A change that turns out not to be sure is under way no more once it is made.
func TestChangeBehindOneThatIsWaitedFor(t *testing.T) {
	async(t, Options{}, func(t *testing.T, s *farServer, f *FS) {
		ctx := t.Context()
		putFile(t, f, "/d/a", []byte("a"))
		require.NoError(t, f.SyncDir(ctx, "/"))
		reader := open(t, f, "/d/a", sftpconn.Read)
		end, err := f.turn(ctx, "test", "/d")
		require.NoError(t, err)
		time.AfterFunc(delay, end)
		_, err = f.SetAttr(ctx, "/d/a", setMode(0o600))
		require.NoError(t, err)
		assert.EqualValues(t, 0o600, s.modeOf(t, "/d/a"))
		assert.Zero(t, reader.content.passing.Load())
		require.NoError(t, reader.Close(ctx))
	})
}

// After a rename that was refused, nothing of the file is believed of the name that
// it was to get.
func TestRefusedRenameOfAnOpenFile(t *testing.T) {
	async(t, Options{}, func(t *testing.T, s *farServer, f *FS) {
		ctx := t.Context()
		file := open(t, f, "/d/a", newFile)
		require.NoError(t, file.Sync(ctx))
		_, err := f.Link(ctx, "/d/a", "/d/b")
		require.NoError(t, err)
		write(t, file, []byte("a"), 0)
		s.refuse("RENAME", "/d/a", syscall.EACCES)
		require.NoError(t, f.Rename(ctx, "/d/a", "/d/c", true))
		require.ErrorIs(t, f.SyncDir(ctx, "/"), syscall.EACCES)
		require.NoError(t, file.Close(ctx))
		time.Sleep(time.Second)
		synctest.Wait()
		assert.Zero(t, f.names.InDoubt())
		other := open(t, f, "/d/c", newFile)
		write(t, other, pattern(1000), 0)
		attr, err := f.Lstat(ctx, "/d/b")
		require.NoError(t, err)
		assert.EqualValues(t, 1, attr.Size)
		require.NoError(t, other.Close(ctx))
	})
}

// What is asked of the disk waits for what is made there.
func TestStatVFSOfANewDirectory(t *testing.T) {
	async(t, Options{}, func(t *testing.T, _ *farServer, f *FS) {
		_, err := f.Mkdir(t.Context(), "/d/new", 0o755)
		require.NoError(t, err)
		assert.Positive(t, roundTrips(func() { _, _ = f.StatVFS(t.Context(), "/d/new") }))
	})
}

// The owners of a file are not guessed by another guess.
func TestOwnersOfNewFiles(t *testing.T) {
	async(t, Options{}, func(t *testing.T, s *farServer, f *FS) {
		ctx := t.Context()
		s.put("/shared", nil)
		s.nodes["/shared"].attr.Mode, s.nodes["/shared"].attr.GID = syscall.S_IFDIR|syscall.S_ISGID|0o755, 7
		time.Sleep(f.opts.DirTimeout)
		for _, dir := range []string{"/", "/d", "/shared"} {
			_, err := f.ReadDir(ctx, dir)
			require.NoError(t, err)
		}
		for path, gid := range map[string]uint32{"/shared/a": 7, "/d/a": 0, "/shared/b": 7, "/d/b": 0} {
			assert.Zero(t, roundTrips(func() {
				file, attr, err := f.Open(ctx, path, newFile, 0o644)
				require.NoError(t, err)
				assert.Equal(t, gid, attr.GID, path)
				require.NoError(t, file.Close(ctx))
			}))
		}
		require.NoError(t, f.SyncDir(ctx, "/"))
	})
}

// The group that a folder passes on is not taken for that of files made elsewhere,
// and that every folder does is not ruled out before one has not.
func TestGroupOfTheFirstNewFile(t *testing.T) {
	type made struct {
		path       string
		gid        uint32
		roundTrips int
	}
	for name, all := range map[string][]made{
		"Linux": {
			{"/shared/a", 7, 1}, {"/shared/b", 7, 0}, {"/d/a", 0, 1}, {"/d/b", 0, 0}, {"/shared/c", 7, 0}, {"/d/c", 0, 0},
			{"/other/a", 0, 1}, {"/other/b", 0, 0}, {"/d/d", 0, 0},
		},
		"BSD": {{"/d/a", 0, 1}, {"/d/b", 0, 0}, {"/other/a", 9, 1}, {"/other/b", 9, 0}, {"/shared/a", 7, 0}, {"/d/c", 0, 1}},
	} {
		t.Run(name, func(t *testing.T) {
			far(t, Options{AsyncClose: true}, func(t *testing.T, s *farServer, f *FS) {
				ctx := t.Context()
				s.bsd = name == "BSD"
				s.put("/shared", nil)
				s.nodes["/shared"].attr.Mode, s.nodes["/shared"].attr.GID = syscall.S_IFDIR|syscall.S_ISGID|0o755, 7
				s.put("/other", nil)
				s.nodes["/other"].attr.Mode, s.nodes["/other"].attr.GID = syscall.S_IFDIR|0o755, 9
				for _, dir := range []string{"/", "/d", "/shared", "/other"} {
					_, err := f.ReadDir(ctx, dir)
					require.NoError(t, err)
				}
				for _, made := range all {
					assert.Equal(t, made.roundTrips, roundTrips(func() {
						attr, err := f.Mkdir(ctx, made.path, 0o755)
						require.NoError(t, err)
						assert.Equal(t, made.gid, attr.GID, made.path)
					}), made.path)
				}
				require.NoError(t, f.SyncDir(ctx, "/"))
			})
		})
	}
}

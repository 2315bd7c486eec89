package charset_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sftpmount/sftpconn"
	"sftpmount/sftpconn/charset"
	"sftpmount/sftpconn/sftptest"
)

// Every operation that takes or returns names, against names in GBK on disk.
func TestSession(t *testing.T) {
	conn, err := sftpconn.New(t.Context(), sftptest.SFTPServerTransport(t), sftpconn.Options{})
	require.NoError(t, err)
	gbk, err := charset.Lookup("GBK")
	require.NoError(t, err)
	s := charset.Wrap(conn, gbk)
	defer func() { require.NoError(t, s.Close()); <-s.Done(); require.Error(t, s.Err()) }()
	ctx := t.Context()
	onDisk := filepath.Join(t.TempDir(), "\xd6\xd0") // 中
	require.NoError(t, os.Mkdir(onDisk, 0o755))
	dir := filepath.Dir(onDisk) + "/中"

	makeNames(t, s, dir)
	got, err := os.ReadFile(onDisk + "/\xc1\xb4") // through the link 链
	require.NoError(t, err)
	assert.Equal(t, "content", string(got))

	attr, err := s.Stat(ctx, dir+"/链")
	require.NoError(t, err)
	assert.EqualValues(t, 7, attr.Size)
	attr, err = s.Lstat(ctx, dir+"/链")
	require.NoError(t, err)
	assert.True(t, attr.IsSymlink())
	_, err = s.SetAttr(ctx, dir+"/硬", sftpconn.SetAttr{Attr: sftpconn.Attr{Valid: sftpconn.AttrMode, Mode: 0o600}})
	require.NoError(t, err)
	_, err = s.StatVFS(ctx, dir)
	require.NoError(t, err)

	require.NoError(t, os.WriteFile(onDisk+"/\xff", nil, 0o644))
	require.NoError(t, s.Rename(ctx, dir+"/\uf7ff", dir+"/新", false))
	entries, err := s.ReadDir(ctx, dir)
	require.NoError(t, err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name)
	}
	assert.ElementsMatch(t, []string{"夹", "文", "链", "硬", "新"}, names)
	for _, name := range []string{"文", "链", "硬", "新"} {
		require.NoError(t, s.Remove(ctx, dir+"/"+name))
	}
	require.NoError(t, s.Rmdir(ctx, dir+"/夹"))
	left, err := os.ReadDir(onDisk)
	require.NoError(t, err)
	assert.Empty(t, left)
}

// makeNames makes the folder 夹, the file 文, a symbolic link 链 and a hard link 硬
// to it.
func makeNames(t *testing.T, s sftpconn.Session, dir string) {
	t.Helper()
	ctx := t.Context()
	absolute, err := s.RealPath(ctx, dir+"/../中")
	require.NoError(t, err)
	assert.Equal(t, dir, absolute)
	_, err = s.Mkdir(ctx, dir+"/夹", 0o755)
	require.NoError(t, err)
	f, _, err := s.Open(ctx, dir+"/文", sftpconn.Write|sftpconn.Create, 0o644)
	require.NoError(t, err)
	f.Write([]byte("content"), 0)
	require.NoError(t, f.Flush(ctx))
	require.NoError(t, f.Close(ctx))
	_, err = s.Symlink(ctx, "文", dir+"/链")
	require.NoError(t, err)
	_, err = s.Link(ctx, dir+"/文", dir+"/硬")
	require.NoError(t, err)
	target, err := s.Readlink(ctx, dir+"/链")
	require.NoError(t, err)
	assert.Equal(t, "文", target)
}

// A name that GBK does not have does not exist, and cannot be made.
func TestNameThatTheServerCannotHave(t *testing.T) {
	gbk, err := charset.Lookup("GBK")
	require.NoError(t, err)
	s := charset.Wrap(nil, gbk) // which is not even asked
	ctx := t.Context()
	const bad, good = "/😀", "/good"
	errs := func(_ any, err error) error { return err }
	opened := func(flags sftpconn.OpenFlags) error {
		_, _, err := s.Open(ctx, bad, flags, 0)
		return err
	}
	for what, err := range map[string]error{
		"lstat": errs(s.Lstat(ctx, bad)), "stat": errs(s.Stat(ctx, bad)), "readdir": errs(s.ReadDir(ctx, bad)),
		"setattr": errs(s.SetAttr(ctx, bad, sftpconn.SetAttr{})), "open": opened(sftpconn.Read),
		"remove": s.Remove(ctx, bad), "rmdir": s.Rmdir(ctx, bad), "readlink": errs(s.Readlink(ctx, bad)),
		"rename": s.Rename(ctx, bad, good, true), "link": errs(s.Link(ctx, bad, good)),
		"statvfs": errs(s.StatVFS(ctx, bad)), "realpath": errs(s.RealPath(ctx, bad)),
	} {
		assert.Equal(t, syscall.ENOENT, err, what)
	}
	for what, err := range map[string]error{
		"mkdir": errs(s.Mkdir(ctx, bad, 0)), "create": opened(sftpconn.Write | sftpconn.Create),
		"symlink": errs(s.Symlink(ctx, "x", bad)), "target": errs(s.Symlink(ctx, "😀", good)),
		"rename to": s.Rename(ctx, good, bad, true), "link to": errs(s.Link(ctx, good, bad)),
	} {
		assert.Equal(t, syscall.EILSEQ, err, what)
	}
}

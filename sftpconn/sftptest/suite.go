package sftptest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sftpmount/sftpconn"
)

// Feature is something that a server may lack.
type Feature string

// What the suite knows to do without.
const (
	AccessTimes     Feature = "access times in attributes"
	Append          Feature = "SSH_FXF_APPEND"
	CopyData        Feature = "copy-data"
	Fsync           Feature = "fsync@openssh.com"
	Hardlink        Feature = "hardlink@openssh.com"
	HandleTimes     Feature = "FSETSTAT of times after the file was renamed or removed"
	Lsetstat        Feature = "lsetstat@openssh.com"
	RenameNoReplace Feature = "RENAME that fails if the new name exists"
	RenameOntoDir   Feature = "posix-rename@openssh.com onto an empty directory"
	StatVFS         Feature = "statvfs@openssh.com"
	TypedRemove     Feature = "REMOVE and RMDIR that tell files from directories"
)

// Lacks says what a server lacks, and why.
type Lacks map[Feature]string

// PkgSFTPLacks says that of a [Server] that executes requests with
// github.com/pkg/sftp.
func PkgSFTPLacks() Lacks {
	return Lacks{
		AccessTimes:     "pkg/sftp tells the modification time twice",
		Append:          "pkg/sftp writes at the offset given",
		CopyData:        "pkg/sftp's server does not have it",
		Fsync:           "pkg/sftp's server does not have it",
		HandleTimes:     "pkg/sftp sets times by the name at which the file was opened",
		Lsetstat:        "pkg/sftp's server does not have it",
		RenameNoReplace: "pkg/sftp's RENAME is rename(2)",
		RenameOntoDir:   "pkg/sftp renames with os.Rename, which refuses",
		TypedRemove:     "pkg/sftp removes both with os.Remove",
	}
}

// subtestTime is how long a subtest may take. Its context then ends, and if
// that does not end the subtest, the test binary does.
const subtestTime = 30 * time.Second

// TestFS checks everything that the comments of [sftpconn.FS] and
// [sftpconn.File] promise. newFS is called once per subtest; subtests run in
// parallel. It returns an FS, which is closed when the subtest ends, and the
// absolute path of an empty directory on it, which is one on this machine too:
// results are checked on the disk itself. Nothing is changed on the disk after
// the FS has looked there, except before an Open, which has to see it; so an FS
// may remember what it saw.
//
// What needs something that lacks names is skipped, or has to fail with
// errors.ErrUnsupported where sftpconn.FS promises that.
func TestFS(t *testing.T, newFS func(t *testing.T) (fsys sftpconn.FS, root string), lacks Lacks) {
	for _, group := range []struct {
		name  string
		tests map[string]func(*fixture)
	}{
		{"Attr", attrTests},
		{"Names", nameTests},
		{"Dir", dirTests},
		{"Open", openTests},
		{"Owner", ownerTests},
		{"Read", readTests},
		{"Write", writeTests},
		{"File", fileTests},
		{"Copy", copyTests},
		{"Rename", renameTests},
		{"Link", linkTests},
		{"Path", pathTests},
		{"Error", errorTests},
		{"Context", contextTests},
		{"Concurrent", concurrentTests},
		{"Close", closeTests},
	} {
		t.Run(group.name, func(t *testing.T) {
			for name, test := range group.tests {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					watchdog := time.AfterFunc(2*subtestTime, func() { panic(t.Name() + " hangs") })
					defer watchdog.Stop()
					fsys, root := newFS(t)
					t.Cleanup(func() { _ = fsys.Close() })
					ctx, cancel := context.WithTimeout(t.Context(), subtestTime)
					defer cancel()
					test(&fixture{T: t, ctx: ctx, fs: fsys, root: root, lacks: lacks})
				})
			}
		})
	}
}

// fixture is what a subtest works on.
type fixture struct {
	*testing.T
	ctx   context.Context
	fs    sftpconn.FS
	root  string
	lacks Lacks
}

// needs skips the subtest if the server lacks what it needs.
func (f *fixture) needs(feature Feature) {
	if reason, lacks := f.lacks[feature]; lacks {
		f.Skipf("no %s: %s", feature, reason)
	}
}

// has reports whether the server has a feature.
func (f *fixture) has(feature Feature) bool {
	_, lacks := f.lacks[feature]
	return !lacks
}

// path is the path of a file below the root.
func (f *fixture) path(name string) string { return f.root + "/" + name }

// put makes a file on the disk, before the FS looks there.
func (f *fixture) put(name string, content []byte) string {
	f.Helper()
	require.NoError(f, os.MkdirAll(filepath.Dir(f.path(name)), 0o755))
	require.NoError(f, os.WriteFile(f.path(name), content, 0o644))
	return f.path(name)
}

// patch writes into a file on the disk, before the FS looks there.
func (f *fixture) patch(path string, content []byte, off int64) {
	f.Helper()
	disk, err := os.OpenFile(path, os.O_WRONLY, 0)
	require.NoError(f, err)
	_, err = disk.WriteAt(content, off)
	require.NoError(f, err)
	require.NoError(f, disk.Close())
}

// putDir makes a directory on the disk, before the FS looks there.
func (f *fixture) putDir(name string) string {
	f.Helper()
	require.NoError(f, os.MkdirAll(f.path(name), 0o755))
	return f.path(name)
}

// open opens a file, which is closed when the subtest ends.
func (f *fixture) open(path string, flags sftpconn.OpenFlags, mode uint32) sftpconn.File {
	f.Helper()
	file, _, err := f.fs.Open(f.ctx, path, flags, mode)
	require.NoError(f, err)
	f.Cleanup(func() { _ = file.Close(context.Background()) })
	return file
}

// create makes a file through the FS.
func (f *fixture) create(name string, content []byte) string {
	f.Helper()
	file, _, err := f.fs.Open(f.ctx, f.path(name), sftpconn.Write|sftpconn.Create|sftpconn.Excl, 0o644)
	require.NoError(f, err)
	if len(content) > 0 {
		require.NoError(f, file.Write(content, 0).Wait(f.ctx))
	}
	require.NoError(f, file.Flush(f.ctx))
	require.NoError(f, file.Close(f.ctx))
	return f.path(name)
}

// sameOnDisk checks that attr is what the disk says of path itself. Atime is
// left out, since looking may change it.
func (f *fixture) sameOnDisk(path string, attr sftpconn.Attr, about ...any) {
	f.Helper()
	want := diskAttr(f, path)
	attr.Atime, want.Atime = 0, 0
	assert.Equal(f, want, attr, about...)
}

// seenAsOnDisk checks that the FS says of path itself what the disk says.
func (f *fixture) seenAsOnDisk(path string) sftpconn.Attr {
	f.Helper()
	attr, err := f.fs.Lstat(f.ctx, path)
	require.NoError(f, err)
	f.sameOnDisk(path, attr)
	return attr
}

// contentOnDisk checks what the file holds. The data of a long one is not shown.
func (f *fixture) contentOnDisk(path string, want []byte) {
	f.Helper()
	got, err := os.ReadFile(path)
	require.NoError(f, err)
	f.sameBytes(want, got)
}

// sameFiles compares two long files on the disk.
func (f *fixture) sameFiles(want, got string) {
	f.Helper()
	out, err := exec.CommandContext(f.ctx, "cmp", want, got).CombinedOutput()
	assert.NoError(f, err, "%s", out)
}

func (f *fixture) sameBytes(want, got []byte) {
	f.Helper()
	if string(want) == string(got) {
		return
	}
	first := 0
	for first < min(len(want), len(got)) && want[first] == got[first] {
		first++
	}
	assert.Fail(f, "other bytes", "%d bytes and not %d, first difference at %d", len(got), len(want), first)
}

// soon checks that do returns long before the context ends.
func (f *fixture) soon(what string, do func()) {
	f.Helper()
	start := time.Now()
	do()
	assert.Less(f, time.Since(start), subtestTime/2, what)
}

func diskAttr(t require.TestingT, path string) sftpconn.Attr {
	var st syscall.Stat_t
	require.NoError(t, syscall.Lstat(path, &st), path)
	return sftpconn.Attr{
		Valid: sftpconn.AttrAll,
		Size:  uint64(st.Size),
		UID:   st.Uid,
		GID:   st.Gid,
		Mode:  st.Mode,
		Atime: uint32(st.Atim.Sec),
		Mtime: uint32(st.Mtim.Sec),
	}
}

// pattern returns n bytes that differ from place to place. A longer one begins
// with the shorter one.
func pattern(n int) []byte {
	p := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{}).Read(p)
	return p
}

// setMode, setSize and setTimes are the usual changes.
func setMode(mode uint32) sftpconn.SetAttr {
	return sftpconn.SetAttr{Attr: sftpconn.Attr{Valid: sftpconn.AttrMode, Mode: mode}}
}

func setSize(size uint64) sftpconn.SetAttr {
	return sftpconn.SetAttr{Attr: sftpconn.Attr{Valid: sftpconn.AttrSize, Size: size}}
}

func setTimes(atime, mtime uint32) sftpconn.SetAttr {
	return sftpconn.SetAttr{Attr: sftpconn.Attr{Valid: sftpconn.AttrTimes, Atime: atime, Mtime: mtime}}
}

// octal shows a mode in a subtest's name or message.
func octal(mode uint32) string { return fmt.Sprintf("%#o", mode) }

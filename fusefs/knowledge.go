package fusefs

import (
	"math"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"

	"sftpmount/sftpconn"
)

// blockSize is st_blksize, and pageAge how old an mtime must be to tell one
// content from the next: SFTP's clock ticks in seconds.
const (
	blockSize = 4096
	pageAge   = 2 * time.Second
)

// knowledge is what the kernel was told of a file, and when the FS said so. It
// is stale once the file was changed here: the kernel then knows by itself that
// it must ask again.
type knowledge struct {
	attr  sftpconn.Attr
	at    time.Time
	stale bool
}

// contradicts reports whether the kernel was told otherwise than attr. Times of
// access are not counted: everybody who reads changes them.
func (k knowledge) contradicts(attr sftpconn.Attr) bool {
	attr.Atime = k.attr.Atime
	return !k.stale && k.attr.Valid != 0 && k.attr != attr
}

// version tells one content of a file from another, as far as SFTP goes.
type version struct {
	size  uint64
	mtime uint32
}

// versionOf returns the version that attr stands for. It is not sure while the
// file may still change within the second that its mtime shows.
func versionOf(attr sftpconn.Attr, now time.Time) (v version, sure bool) {
	const needed = sftpconn.AttrSize | sftpconn.AttrTimes
	if attr.Valid&needed != needed {
		return version{}, false
	}
	return version{attr.Size, attr.Mtime}, now.Sub(time.Unix(int64(attr.Mtime), 0)) > pageAge
}

// fileType returns the type bits of attr, and false if they name none that the
// kernel takes. A server that does not tell is believed to mean a regular file.
func fileType(attr sftpconn.Attr) (typ uint32, ok bool) {
	if attr.Valid&sftpconn.AttrMode == 0 {
		return syscall.S_IFREG, true
	}
	switch typ = attr.Type(); typ {
	case syscall.S_IFREG, syscall.S_IFDIR, syscall.S_IFLNK, syscall.S_IFCHR,
		syscall.S_IFBLK, syscall.S_IFIFO, syscall.S_IFSOCK:
		return typ, true
	}
	return 0, false
}

// show writes attr as the kernel wants it. go-fuse adds the inode number and
// the file type.
func (o *Options) show(out *fuse.Attr, attr sftpconn.Attr, links uint32) {
	// The kernel takes a file for broken whose size is not an off_t.
	out.Size = min(attr.Size, math.MaxInt64)
	out.Blksize = blockSize
	out.Blocks = out.Size/512 + min(out.Size%512, 1)
	out.Nlink = links
	out.Uid, out.Gid = attr.UID, attr.GID
	out.Atime, out.Mtime = uint64(attr.Atime), uint64(attr.Mtime)
	out.Ctime = out.Mtime // if no later change of status is known, see node.ctime
	out.Mode = attr.Mode
	if attr.Valid&sftpconn.AttrMode == 0 {
		out.Mode = syscall.S_IFREG | 0o600
	}
	if o.UID != nil {
		out.Uid = *o.UID
	}
	if o.GID != nil {
		out.Gid = *o.GID
	}
	if o.Umask != nil {
		out.Mode = out.Mode&syscall.S_IFMT | 0o777&^*o.Umask
	}
}

package sftpconn

import "syscall"

// AttrMask names attributes, as the flags word of the ATTRS structure does
// (draft-ietf-secsh-filexfer-02, section 5).
type AttrMask uint32

// The attributes that SFTP version 3 carries. Owners come in a pair, and so do
// times: neither half can be sent alone.
const (
	AttrSize   AttrMask = 1 << iota // SSH_FILEXFER_ATTR_SIZE
	AttrOwners                      // SSH_FILEXFER_ATTR_UIDGID
	AttrMode                        // SSH_FILEXFER_ATTR_PERMISSIONS
	AttrTimes                       // SSH_FILEXFER_ATTR_ACMODTIME

	// AttrAll is what a server in good order sends of every file.
	AttrAll = AttrSize | AttrOwners | AttrMode | AttrTimes
)

// Attr is what a server tells of a file. A field means something only if Valid
// names it.
type Attr struct {
	Valid AttrMask
	Size  uint64 // bytes
	UID   uint32 // on the server
	GID   uint32 // on the server
	Mode  uint32 // type and permissions, as st_mode (POSIX sys/stat.h)
	Atime uint32 // last access, in seconds since 1970, unsigned: up to 2106
	Mtime uint32 // last modification, likewise
}

// Type returns the file type bits of the mode (S_IFREG, S_IFDIR, ...), or 0 if
// the server did not tell.
func (a Attr) Type() uint32 {
	if a.Valid&AttrMode == 0 {
		return 0
	}
	return a.Mode & syscall.S_IFMT
}

// IsDir reports whether the file is a directory.
func (a Attr) IsDir() bool { return a.Type() == syscall.S_IFDIR }

// IsRegular reports whether it is a regular file.
func (a Attr) IsRegular() bool { return a.Type() == syscall.S_IFREG }

// IsSymlink reports whether it is a symbolic link.
func (a Attr) IsSymlink() bool { return a.Type() == syscall.S_IFLNK }

// SetAttr is a change of attributes: those that Valid names. Of Mode only the
// permission bits (07777) count.
type SetAttr struct {
	Attr
	NoFollow bool // change a symbolic link itself
}

// DirEntry is a name in a directory with the attributes that came with it;
// Attr.Valid may lack some of them.
type DirEntry struct {
	Name string
	Attr Attr
}

// StatVFS describes a file system (POSIX sys/statvfs.h, OpenSSH PROTOCOL
// section 4.4).
type StatVFS struct {
	BlockSize     uint64 // f_bsize, bytes
	FragmentSize  uint64 // f_frsize, bytes: the unit of the block counts
	Blocks        uint64
	BlocksFree    uint64
	BlocksAvail   uint64 // for other users than root
	Files         uint64
	FilesFree     uint64
	FilesAvail    uint64
	ID            uint64 // f_fsid; 0: it has none
	ReadOnly      bool   // f_flag has ST_RDONLY
	MaxNameLength uint64
}

package fusefs

import (
	"cmp"
	"log/slog"
	"time"
)

// maxRequest is the largest READ or WRITE that the kernel is offered, in
// bytes: the most that Linux takes (FUSE_MAX_MAX_PAGES pages).
const maxRequest = 1 << 20

// maxBackground is how many read-ahead requests the kernel may have under way
// at once. Its own default of 12 is made for local disks.
const maxBackground = 64

// Options say how a remote directory is mounted. The names are those of
// sshfs's and fuse's mount options (sshfs(1), fuse(8)).
type Options struct {
	Root    string // remote path of the directory that is mounted; empty: /
	FsName  string // first field of /proc/mounts; empty: Subtype
	Subtype string // the type there is "fuse." and this; empty: sftpmount

	AllowOther         bool // let other users in
	AllowRoot          bool // let root in, and nobody else
	DefaultPermissions bool // the kernel checks modes and owners
	AutoUnmount        bool // unmount even if this program is killed

	// MountOptions are further options for mount(2) or fusermount3, such as
	// "ro" or "noexec". "nosuid" and "nodev" hold unless their opposites
	// stand here.
	MountOptions []string

	EntryTimeout    time.Duration // how long the kernel trusts a name
	AttrTimeout     time.Duration // and attributes
	NegativeTimeout time.Duration // and that a name does not exist

	UID   *uint32 // show all files as this user's
	GID   *uint32 // and this group's
	Umask *uint32 // show all permissions as 0777 less these bits

	DirectIO    bool   // bypass the kernel's page cache
	KernelCache bool   // keep pages at open, even if the file has changed
	NoAutoCache bool   // drop pages at open, even if the file is unchanged
	MaxRead     uint32 // largest READ in bytes; 0: what the kernel allows

	NoContainSymlinks bool // show link targets that lead out of the mount
	TransformSymlinks bool // make absolute targets below Root relative
	FollowSymlinks    bool // show what links lead to on the server

	NoHardLinks bool // link(2) fails with ENOSYS (disable_hardlink)
	RenameXDEV  bool // a rename that fails for no known reason is EXDEV

	Observer Observer     // is told of every request; may be nil
	Logger   *slog.Logger // nil: nothing is logged
	Debug    bool         // log every request of the kernel
}

// setDefaults fills in what cannot be left empty.
func (o *Options) setDefaults() {
	o.Root = cmp.Or(o.Root, "/")
	o.Subtype = cmp.Or(o.Subtype, "sftpmount")
	o.FsName = cmp.Or(o.FsName, o.Subtype)
	if o.Observer == nil {
		o.Observer = noObserver{}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
}

package fusefs

import (
	"github.com/hanwen/go-fuse/v2/fuse"
)

// gate keeps all users out but root and the owner of the mount. The kernel
// knows only allow_other, so allow_root is enforced here, as libfuse does:
// for requests that name a file, not for those on a file that is open.
type gate struct {
	fuse.RawFileSystem
	owner uint32
}

func (g *gate) shut(caller *fuse.InHeader) bool {
	return caller.Uid != 0 && caller.Uid != g.owner
}

func (g *gate) Lookup(cancel <-chan struct{}, in *fuse.InHeader, name string, out *fuse.EntryOut) fuse.Status {
	if g.shut(in) {
		return fuse.EACCES
	}
	return g.RawFileSystem.Lookup(cancel, in, name, out)
}

func (g *gate) GetAttr(cancel <-chan struct{}, in *fuse.GetAttrIn, out *fuse.AttrOut) fuse.Status {
	if g.shut(&in.InHeader) {
		return fuse.EACCES
	}
	return g.RawFileSystem.GetAttr(cancel, in, out)
}

func (g *gate) SetAttr(cancel <-chan struct{}, in *fuse.SetAttrIn, out *fuse.AttrOut) fuse.Status {
	if g.shut(&in.InHeader) {
		return fuse.EACCES
	}
	return g.RawFileSystem.SetAttr(cancel, in, out)
}

func (g *gate) Mknod(cancel <-chan struct{}, in *fuse.MknodIn, name string, out *fuse.EntryOut) fuse.Status {
	if g.shut(&in.InHeader) {
		return fuse.EACCES
	}
	return g.RawFileSystem.Mknod(cancel, in, name, out)
}

func (g *gate) Mkdir(cancel <-chan struct{}, in *fuse.MkdirIn, name string, out *fuse.EntryOut) fuse.Status {
	if g.shut(&in.InHeader) {
		return fuse.EACCES
	}
	return g.RawFileSystem.Mkdir(cancel, in, name, out)
}

func (g *gate) Unlink(cancel <-chan struct{}, in *fuse.InHeader, name string) fuse.Status {
	if g.shut(in) {
		return fuse.EACCES
	}
	return g.RawFileSystem.Unlink(cancel, in, name)
}

func (g *gate) Rmdir(cancel <-chan struct{}, in *fuse.InHeader, name string) fuse.Status {
	if g.shut(in) {
		return fuse.EACCES
	}
	return g.RawFileSystem.Rmdir(cancel, in, name)
}

func (g *gate) Rename(cancel <-chan struct{}, in *fuse.RenameIn, oldName, newName string) fuse.Status {
	if g.shut(&in.InHeader) {
		return fuse.EACCES
	}
	return g.RawFileSystem.Rename(cancel, in, oldName, newName)
}

func (g *gate) Link(cancel <-chan struct{}, in *fuse.LinkIn, name string, out *fuse.EntryOut) fuse.Status {
	if g.shut(&in.InHeader) {
		return fuse.EACCES
	}
	return g.RawFileSystem.Link(cancel, in, name, out)
}

func (g *gate) Symlink(cancel <-chan struct{}, in *fuse.InHeader, target, name string, out *fuse.EntryOut) fuse.Status {
	if g.shut(in) {
		return fuse.EACCES
	}
	return g.RawFileSystem.Symlink(cancel, in, target, name, out)
}

func (g *gate) Readlink(cancel <-chan struct{}, in *fuse.InHeader) ([]byte, fuse.Status) {
	if g.shut(in) {
		return nil, fuse.EACCES
	}
	return g.RawFileSystem.Readlink(cancel, in)
}

func (g *gate) Access(cancel <-chan struct{}, in *fuse.AccessIn) fuse.Status {
	if g.shut(&in.InHeader) {
		return fuse.EACCES
	}
	return g.RawFileSystem.Access(cancel, in)
}

func (g *gate) Create(cancel <-chan struct{}, in *fuse.CreateIn, name string, out *fuse.CreateOut) fuse.Status {
	if g.shut(&in.InHeader) {
		return fuse.EACCES
	}
	return g.RawFileSystem.Create(cancel, in, name, out)
}

func (g *gate) Open(cancel <-chan struct{}, in *fuse.OpenIn, out *fuse.OpenOut) fuse.Status {
	if g.shut(&in.InHeader) {
		return fuse.EACCES
	}
	return g.RawFileSystem.Open(cancel, in, out)
}

func (g *gate) OpenDir(cancel <-chan struct{}, in *fuse.OpenIn, out *fuse.OpenOut) fuse.Status {
	if g.shut(&in.InHeader) {
		return fuse.EACCES
	}
	return g.RawFileSystem.OpenDir(cancel, in, out)
}

func (g *gate) StatFs(cancel <-chan struct{}, in *fuse.InHeader, out *fuse.StatfsOut) fuse.Status {
	if g.shut(in) {
		return fuse.EACCES
	}
	return g.RawFileSystem.StatFs(cancel, in, out)
}

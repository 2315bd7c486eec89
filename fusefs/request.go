package fusefs

import (
	"syscall"
	"time"

	"sftpmount/sftpconn"
)

// An Observer is told of every request of the kernel that is answered here, by
// the goroutine that answers it. What it does adds to the time that programs
// wait.
type Observer interface {
	// Begin is called before anything is done about r.
	Begin(r *Request)

	// End is called when r is about to be answered, even if its handler
	// panicked.
	End(r *Request)
}

// Request is one request of the kernel. From Begin on, any goroutine may look at
// the fields above Took and call Path; the others are there for End.
type Request struct {
	Operation string // FUSE's own name for it, in lower case: "lookup", "read"
	UID, PID  uint32 // of the program; 0 where the kernel asks for itself
	Began     time.Time

	Took   time.Duration
	Errno  syscall.Errno      // 0: it succeeded
	Bytes  int64              // of file contents that were read or written
	File   uint64             // number of the open file, which is never used again; 0: none
	Flags  sftpconn.OpenFlags // of open and create
	Set    sftpconn.SetAttr   // what setattr and fallocate change
	Target string             // what a symbolic link is made to read as

	from, to place
}

// Path returns the remote path that the request is about, as it is now. It is
// empty if no name leads to the file any more.
func (r *Request) Path() string { return r.from.path() }

// NewPath returns the path that rename and link give to the file.
func (r *Request) NewPath() string { return r.to.path() }

// place is a node or, with a name, what has that name in it.
type place struct {
	node *node
	name string
}

func (p place) path() string {
	if p.node == nil {
		return ""
	}
	path, linked := p.node.path()
	switch {
	case !linked:
		return ""
	case p.name == "":
		return path
	}
	return join(path, p.name)
}

// noObserver is the observer of a mount that has none.
type noObserver struct{}

func (noObserver) Begin(*Request) {}
func (noObserver) End(*Request)   {}

package fusefs

import (
	"context"
	"sync"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fs"
)

// mostKnown is how many files the kernel may know before it is told to forget the
// oldest. Each takes about 1 KiB here. By itself the kernel forgets files that
// are not in use when it is short of memory, which may be never. They come back
// under the same inode number, since more of those are remembered (maxNumbers).
// Folders stay: one that is told to be forgotten is lost to programs whose current
// one it is, and so is what is mounted on it (d_invalidate in the kernel's
// fs/dcache.c).
const mostKnown = 50_000

// mostWaiting bounds the names that wait for the kernel to forget them, in multiples
// of mostKnown: a name takes little beside the file that it stands for, and a program
// that goes through a tree can be much quicker than the kernel is told.
const mostWaiting = 16

// littleRoom is for how many children of a folder room may stay when the kernel has
// forgotten them.
const littleRoom = 10

// pruner makes the kernel forget files, in the order in which it came to know
// them. It has a goroutine of its own: unlike that about attributes, this
// notification waits for requests about the folder (fuse_reverse_inval_entry in
// the kernel's fs/fuse/dir.c), and nobody waits for it.
type pruner struct {
	limit   int
	wake    chan struct{}
	stop    chan struct{}
	stopped chan struct{}

	mu    sync.Mutex
	names []knownName // the oldest first
}

// knownName is a name that the kernel was told of. It may have forgotten it.
type knownName struct {
	dir  *fs.Inode
	name string
}

func newPruner(limit int) *pruner {
	p := &pruner{
		limit:   limit,
		wake:    make(chan struct{}, 1),
		stop:    make(chan struct{}),
		stopped: make(chan struct{}),
	}
	go p.run()
	return p
}

// add takes in that the kernel is about to know a name. While the kernel does not
// come to forget any, because a request about a folder is not answered, the oldest
// are let go: they stay known to it.
func (p *pruner) add(dir *fs.Inode, name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if most := mostWaiting * p.limit; len(p.names) >= most {
		p.names = p.names[len(p.names)-most+1:]
	}
	p.names = append(p.names, knownName{dir, name})
	if len(p.names) > p.limit {
		select {
		case p.wake <- struct{}{}:
		default:
		}
	}
}

func (p *pruner) run() {
	defer close(p.stopped)
	pruned := map[*fs.Inode]int{} // for how many names a folder has room, until the kernel has told that it forgot them
	for {
		select {
		case <-p.wake:
		case <-p.stop:
			return
		}
		for dir, names := range pruned {
			left := len(dir.Children())
			if left > names/4 {
				continue
			}
			shrink(dir, names)
			if left > littleRoom {
				pruned[dir] = 2 * left // what go-fuse has kept room for
			} else {
				delete(pruned, dir)
			}
		}
		for _, k := range p.surplus() {
			if k.prunable() {
				// An error says that the kernel does not know the
				// name any more, or that the mount has ended.
				_ = k.dir.NotifyEntry(k.name)
				pruned[k.dir]++
			}
		}
	}
}

// shrink gives back the room that go-fuse keeps for children of dir that the kernel
// has forgotten, some names of them: some 60 bytes for each. go-fuse does that by
// itself when a child is added and there is no room left (fs/inode_children.go), so
// one is, again and again, under a name that no file has.
func shrink(dir *fs.Inode, names int) {
	child := dir.NewInode(context.Background(), &fs.Inode{}, fs.StableAttr{Mode: syscall.S_IFREG})
	for range names + 1 {
		dir.AddChild("/", child, true)
		dir.RmChild("/")
	}
}

// surplus takes out the names beyond the limit, and a tenth more.
func (p *pruner) surplus() []knownName {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.names) - p.limit + p.limit/10
	if len(p.names) <= p.limit {
		return nil
	}
	surplus := p.names[:n]
	p.names = append([]knownName(nil), p.names[n:]...)
	return surplus
}

// prunable reports whether the file is there and not in use. A directory may be
// somebody's current one.
func (k knownName) prunable() bool {
	n := nodeOf(k.dir.GetChild(k.name))
	return n != nil && n.Mode() != syscall.S_IFDIR && n.anyHandle() == nil
}

func (p *pruner) close() {
	close(p.stop)
	<-p.stopped
}

package fusefs

import (
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// rootIno is the inode number of the mount's root, as the kernel has it
// (FUSE_ROOT_ID).
const rootIno = 1

// maxNumbers bounds the names whose inode numbers are remembered. Each takes
// some 150 bytes.
const maxNumbers = 64 << 10

// dirent is a name in a directory, which is known by its inode number. Since
// that stays when the directory is renamed, nothing below moves with it.
type dirent struct {
	parent uint64
	name   string
}

// number is the inode number of a file, and its type (S_IFMT): a file that has
// become one of another type is another file. Type 0 is not known yet.
// What is known of the file's ctime is kept along, so that it does not go back
// when the kernel has forgotten the file for a while.
type number struct {
	ino    uint64
	typ    uint32
	ctime  time.Time // see node.ctime
	target string    // see node.target
}

// numbers gives out inode numbers, which SFTP does not carry. They count up and
// are never used again. A name keeps its number in a bounded table: a listing
// shows the number that a later lookup finds, and a file that the kernel has
// forgotten comes back under the same one.
//
// Only one name stands for a number here, since two could come to mean
// different files on the server without a word. Hard links share a number as
// long as the kernel knows the file, see node.Link.
type numbers struct {
	mu    sync.Mutex
	last  uint64
	names *simplelru.LRU[dirent, number]
}

func newNumbers() *numbers {
	names, err := simplelru.NewLRU[dirent, number](maxNumbers, nil)
	if err != nil {
		panic(err) // only for a size of 0
	}
	return &numbers{last: rootIno, names: names}
}

// of returns the number for the file of type typ at a name.
func (t *numbers) of(parent uint64, name string, typ uint32) number {
	t.mu.Lock()
	defer t.mu.Unlock()
	key := dirent{parent, name}
	n, ok := t.names.Get(key)
	if ok && (n.typ == typ || typ == 0) {
		return n
	}
	if !ok || n.typ != 0 {
		t.last++
		n = number{ino: t.last}
	}
	n.typ = typ
	t.names.Add(key, n)
	return n
}

// setTarget keeps the target of a symbolic link that was made at a name.
func (t *numbers) setTarget(parent uint64, name, target string) {
	t.amend(dirent{parent, name}, func(n *number) { n.target = target })
}

// setCtime keeps the ctime of the file at a name.
func (t *numbers) setCtime(parent uint64, name string, ctime time.Time) {
	t.amend(dirent{parent, name}, func(n *number) { n.ctime = ctime })
}

// amend changes what is kept of a name, if it is remembered.
func (t *numbers) amend(key dirent, change func(*number)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if n, ok := t.names.Peek(key); ok {
		change(&n)
		t.names.Add(key, n)
	}
}

// forget says that a name does not stand for its file any more.
func (t *numbers) forget(parent uint64, name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.names.Remove(dirent{parent, name})
}

// move says that a file was renamed, and replaced what was there.
func (t *numbers) move(oldParent uint64, oldName string, newParent uint64, newName string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	from, to := dirent{oldParent, oldName}, dirent{newParent, newName}
	n, ok := t.names.Peek(from)
	t.names.Remove(from)
	t.names.Remove(to)
	if ok {
		t.names.Add(to, n)
	}
}

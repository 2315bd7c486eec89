package cache

import (
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"sftpmount/cache/internal/known"
)

const (
	// blockSize is the unit of reading ahead, in bytes: what the kernel asks
	// for at most in one go when it reads ahead itself.
	blockSize = 128 << 10

	// blockAge is how long what was read ahead is believed.
	blockAge = 20 * time.Second

	// mostBoldKiB is how much may be read ahead boldly and in vain, besides a
	// quarter of what is used, and boldKiB what is added each second.
	mostBoldKiB = 16 << 10
	boldKiB     = 64

	// blockIdle is how long a block that was read ahead is spared when others
	// need its room.
	blockIdle = 2 * time.Second
)

// blocks holds what was read ahead, or around, for all open files, in bounded memory.
// A block belongs to the File that it was read through: another one opened by the
// same path may be another file on the server.
type blocks struct {
	limit int           // blocks
	idle  time.Duration // that a block is spared when others need its room

	mu     sync.Mutex
	lru    *simplelru.LRU[blockKey, *block]
	owners map[*File]int // blocks of each
	wide   int           // owners of more than a small file takes
	taken  int           // blocks, those included that are only being read from
	ahead  Ahead         // bytes
	bold   credit        // KiB that may be read boldly
	pool   sync.Pool
}

type blockKey struct {
	file  *File
	index int64 // offset / blockSize
}

// block is a range of a file that is being read or was. Its fields below done
// are set before done is closed, those above are guarded by blocks.mu.
type block struct {
	users   int // readers, and the fetch
	dropped bool
	used    int // bytes handed out
	bold    bool
	asked   time.Time

	done chan struct{}
	data []byte // as long as the block, or more than the file has of it
	n    int    // bytes read
	err  error
}

func newBlocks(limit int64) *blocks {
	b := &blocks{
		limit:  max(2, int(limit/blockSize)),
		idle:   blockIdle,
		owners: make(map[*File]int),
		bold:   newCredit(mostBoldKiB, boldKiB),
		pool:   sync.Pool{New: func() any { return new([blockSize]byte) }},
	}
	// Room is counted here, not by the LRU. It fails for no size above 0.
	b.lru, _ = simplelru.NewLRU(2*b.limit, b.forget)
	return b
}

// get returns the block, if there is one, with one more user.
func (b *blocks) get(key blockKey) *block {
	b.mu.Lock()
	defer b.mu.Unlock()
	found, ok := b.lru.Get(key)
	if !ok {
		return nil
	}
	if time.Since(found.asked) > blockAge {
		b.lru.Remove(key)
		return nil
	}
	found.users++
	return found
}

// has reports whether there is a block that is believed.
func (b *blocks) has(key blockKey) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	found, ok := b.lru.Peek(key)
	return ok && time.Since(found.asked) <= blockAge
}

// add makes a block, whose one user is its fetch. It returns nil if there is
// one already, or no room. bold is how much of its bytes is read boldly, which takes
// credit.
func (b *blocks) add(key blockKey, bold int64) (added *block, room bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if found, ok := b.lru.Peek(key); ok {
		if time.Since(found.asked) <= blockAge {
			return nil, true
		}
		b.lru.Remove(key)
	}
	if bold > 0 && !b.hasCredit(bold) || b.taken >= b.limit && !b.evict() {
		return nil, false
	}
	b.bold.take(int(bold >> 10))
	b.taken++
	b.own(key.file, 1)
	added = &block{
		users: 1,
		bold:  bold > 0,
		asked: time.Now(),
		done:  make(chan struct{}),
	}
	b.lru.Add(key, added)
	return added, true
}

// canBeBold reports whether n bytes may be read boldly.
func (b *blocks) canBeBold(n int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.hasCredit(n)
}

// hasCredit is canBeBold with b.mu held.
func (b *blocks) hasCredit(n int64) bool {
	b.bold.earn(time.Now())
	return b.bold.enough(int(n >> 10))
}

// evict makes room by dropping the block that was used longest ago, if nobody
// has cared for it for a while.
func (b *blocks) evict() bool {
	key, oldest, ok := b.lru.GetOldest()
	if !ok || oldest.users > 0 || time.Since(oldest.asked) < b.idle {
		return false
	}
	b.lru.Remove(key)
	return true
}

// release takes a user away from a block, which has handed out n bytes to it. A
// block that was read whole is dropped: the kernel keeps what programs read.
func (b *blocks) release(key blockKey, released *block, n int, whole bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	released.users--
	released.used += n
	b.ahead.Used += uint64(n)
	if released.bold {
		b.bold.used(n >> 10)
	}
	if whole && released.used >= released.n && !released.dropped {
		b.lru.Remove(key)
		return
	}
	if released.dropped && released.users == 0 {
		b.free(released)
	}
}

// drop forgets the blocks of f that hold anything between from and to.
func (b *blocks) drop(f *File, from, to int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.owners[f] == 0 {
		return
	}
	first, last := from/blockSize, (to-1)/blockSize
	if last-first < int64(b.lru.Len()) {
		for i := first; i <= last; i++ {
			b.lru.Remove(blockKey{f, i})
		}
		return
	}
	for _, key := range b.lru.Keys() {
		if key.file == f && key.index >= first && key.index <= last {
			b.lru.Remove(key)
		}
	}
}

// dropUnsure forgets the blocks of f that were asked for so soon after mtime that the
// file may have been changed since, and have the same time.
func (b *blocks) dropUnsure(f *File, mtime uint32) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.owners[f] == 0 {
		return
	}
	for _, key := range b.lru.Keys() {
		if key.file != f {
			continue
		}
		if found, _ := b.lru.Peek(key); !known.IsSure(found.asked, mtime) {
			b.lru.Remove(key)
		}
	}
}

func (b *blocks) dropAll() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lru.Purge()
}

// own counts n more blocks of f.
func (b *blocks) own(f *File, n int) {
	was := b.isWide(f)
	if b.owners[f] += n; b.owners[f] == 0 {
		delete(b.owners, f)
	}
	switch is := b.isWide(f); {
	case is && !was:
		b.wide++
	case was && !is:
		b.wide--
	}
}

func (b *blocks) isWide(f *File) bool { return b.owners[f] > smallFile/blockSize }

// share returns how many bytes f may have read ahead, so that all that read
// ahead get something. Small files that were read whole take their room, but
// want no more of it.
func (b *blocks) share(f *File) int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	readers := b.wide
	if !b.isWide(f) {
		readers++
	}
	return int64(b.limit) * blockSize / int64(readers)
}

// forget is called when a block leaves the LRU.
func (b *blocks) forget(key blockKey, gone *block) {
	gone.dropped = true
	b.own(key.file, -1)
	if gone.users == 0 {
		b.free(gone)
	}
}

func (b *blocks) free(gone *block) {
	b.taken--
	b.ahead.Wasted += uint64(max(0, gone.n-gone.used))
	if len(gone.data) == blockSize {
		b.pool.Put((*[blockSize]byte)(gone.data))
	}
	gone.data = nil
}

// memory returns what a block of a file that has n bytes of it is read into: more than
// that, so that the end of the file is seen.
func (b *blocks) memory(n int64) []byte {
	if n >= blockSize/2 {
		return b.pool.Get().(*[blockSize]byte)[:]
	}
	return make([]byte, n+1)
}

// Package blocks holds what was read of files before it was asked for, in blocks, in
// bounded memory.
package blocks

import (
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"sftpmount/cache/internal/credit"
	"sftpmount/cache/internal/known"
)

const (
	// Size is the unit of reading ahead, in bytes: what the kernel asks
	// for at most in one go when it reads ahead itself.
	Size = 128 << 10

	// SmallFile is the size up to which a file is read whole by its first
	// read, in bytes.
	SmallFile = 2 * Size

	// Age is how long what was read is believed.
	Age = 20 * time.Second
)

// Store holds blocks of all open files. A block belongs to the open file that it was read
// through, its owner: another one opened by the same path may be another file on the
// server.
type Store[O comparable] struct {
	limit int           // blocks
	idle  time.Duration // that a block is spared when others need its room

	mu     sync.Mutex
	lru    *simplelru.LRU[key[O], *Block[O]]
	owners map[O]int      // blocks of each
	wide   int            // owners of more than a small file takes
	taken  int            // blocks, those included that are only being read from
	count  credit.Outcome // bytes
	bold   credit.Account // KiB that may be read boldly
	pool   sync.Pool
}

type key[O comparable] struct {
	owner O
	index int64
}

// New returns a store of at most limit bytes. A block is spared for idle when others need
// its room; bold bounds what is read boldly and in vain, in KiB.
func New[O comparable](limit int64, idle time.Duration, bold credit.Account) *Store[O] {
	s := &Store[O]{
		limit:  max(2, int(limit/Size)),
		idle:   idle,
		owners: make(map[O]int),
		bold:   bold,
		pool:   sync.Pool{New: func() any { return new([Size]byte) }},
	}
	// Room is counted here, not by the LRU. It fails for no size above 0.
	s.lru, _ = simplelru.NewLRU(2*s.limit, s.forget)
	return s
}

// Limit returns how many blocks there is room for.
func (s *Store[O]) Limit() int { return s.limit }

// Bytes returns how much memory is taken.
func (s *Store[O]) Bytes() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return int64(s.taken) * Size
}

// Outcome returns what has become of the bytes that were read.
func (s *Store[O]) Outcome() credit.Outcome {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count
}

// Get returns the block, if there is one, with one more user.
func (s *Store[O]) Get(owner O, index int64) *Block[O] {
	key := key[O]{owner, index}
	s.mu.Lock()
	defer s.mu.Unlock()
	found, ok := s.lru.Get(key)
	if !ok {
		return nil
	}
	if time.Since(found.asked) > Age {
		s.lru.Remove(key)
		return nil
	}
	found.users++
	return found
}

// Has reports whether there is a block that is believed.
func (s *Store[O]) Has(owner O, index int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, ok := s.lru.Peek(key[O]{owner, index})
	return ok && time.Since(found.asked) <= Age
}

// Add makes a block of a file that has n bytes from there on. Its one user is whoever
// reads it, and calls Filled then, or Abandoned. It returns nil if there is one already,
// or no room. bold is how much of it is read boldly, which takes credit.
func (s *Store[O]) Add(owner O, index, n, bold int64) (added *Block[O], room bool) {
	added, room = s.reserve(key[O]{owner, index}, bold)
	if added != nil {
		added.Data = s.memory(n)
	}
	return added, room
}

func (s *Store[O]) reserve(key key[O], bold int64) (added *Block[O], room bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if found, ok := s.lru.Peek(key); ok {
		if time.Since(found.asked) <= Age {
			return nil, true
		}
		s.lru.Remove(key)
	}
	if bold > 0 && !s.hasCredit(bold) || s.taken >= s.limit && !s.evict() {
		return nil, false
	}
	s.bold.Take(int(bold >> 10))
	s.taken++
	s.own(key.owner, 1)
	added = &Block[O]{
		store: s,
		key:   key,
		bold:  bold > 0,
		asked: time.Now(),
		users: 1,
		Done:  make(chan struct{}),
	}
	s.lru.Add(key, added)
	return added, true
}

// CanBeBold reports whether n bytes may be read boldly.
func (s *Store[O]) CanBeBold(n int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.hasCredit(n)
}

// hasCredit is CanBeBold with s.mu held.
func (s *Store[O]) hasCredit(n int64) bool {
	s.bold.Earn(time.Now())
	return s.bold.Enough(int(n >> 10))
}

// evict makes room by dropping the block that was used longest ago, if nobody
// has cared for it for a while.
func (s *Store[O]) evict() bool {
	key, oldest, ok := s.lru.GetOldest()
	if !ok || oldest.users > 0 || time.Since(oldest.asked) < s.idle {
		return false
	}
	s.lru.Remove(key)
	return true
}

// Drop forgets the blocks of owner that hold anything between from and to.
func (s *Store[O]) Drop(owner O, from, to int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.owners[owner] == 0 {
		return
	}
	first, last := from/Size, (to-1)/Size
	if last-first < int64(s.lru.Len()) {
		for i := first; i <= last; i++ {
			s.lru.Remove(key[O]{owner, i})
		}
		return
	}
	for _, key := range s.lru.Keys() {
		if key.owner == owner && key.index >= first && key.index <= last {
			s.lru.Remove(key)
		}
	}
}

// DropUnsure forgets the blocks of owner that were asked for so soon after mtime that the
// file may have been changed since, and have the same time.
func (s *Store[O]) DropUnsure(owner O, mtime uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.owners[owner] == 0 {
		return
	}
	for _, key := range s.lru.Keys() {
		if key.owner != owner {
			continue
		}
		if found, _ := s.lru.Peek(key); !known.IsSure(found.asked, mtime) {
			s.lru.Remove(key)
		}
	}
}

// DropAll forgets all blocks.
func (s *Store[O]) DropAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lru.Purge()
}

// own counts n more blocks of owner.
func (s *Store[O]) own(owner O, n int) {
	was := s.isWide(owner)
	if s.owners[owner] += n; s.owners[owner] == 0 {
		delete(s.owners, owner)
	}
	switch is := s.isWide(owner); {
	case is && !was:
		s.wide++
	case was && !is:
		s.wide--
	}
}

func (s *Store[O]) isWide(owner O) bool { return s.owners[owner] > SmallFile/Size }

// Share returns how many bytes owner may have read ahead, so that all that read
// ahead get something. Small files that were read whole take their room, but
// want no more of it.
func (s *Store[O]) Share(owner O) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	readers := s.wide
	if !s.isWide(owner) {
		readers++
	}
	return int64(s.limit) * Size / int64(readers)
}

// forget is called when a block leaves the LRU.
func (s *Store[O]) forget(key key[O], gone *Block[O]) {
	gone.dropped = true
	s.own(key.owner, -1)
	if gone.users == 0 {
		s.free(gone)
	}
}

func (s *Store[O]) free(gone *Block[O]) {
	s.taken--
	s.count.Wasted += uint64(max(0, gone.N-gone.used))
	if len(gone.Data) == Size {
		s.pool.Put((*[Size]byte)(gone.Data))
	}
	gone.Data = nil
}

// memory returns what a block of a file that has n bytes of it is read into: more than
// that, so that the end of the file is seen.
func (s *Store[O]) memory(n int64) []byte {
	if n >= Size/2 {
		return s.pool.Get().(*[Size]byte)[:]
	}
	return make([]byte, n+1)
}

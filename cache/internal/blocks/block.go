package blocks

import (
	"errors"
	"io"
	"time"
)

// Block is a range of a file that is being read or was: that from its index times Size on.
type Block[O comparable] struct {
	store *Store[O]
	key   key[O]
	bold  bool
	asked time.Time

	// Guarded by Store.mu.
	users   int // readers, and the fetch
	used    int // bytes handed out
	dropped bool

	// What is read goes to Data, which is as long as the block, or longer than what the
	// file has of it. N, how many bytes that were, and Err are there once Done is closed.
	Data []byte
	Done chan struct{}
	N    int
	Err  error
}

// Filled takes in that n bytes were read, or that this failed, but for an end of the file.
func (b *Block[O]) Filled(n int, err error) {
	if err != nil && !errors.Is(err, io.EOF) {
		n = 0
	}
	b.N, b.Err = n, err
	close(b.Done)
	b.Release(0, false)
}

// Abandoned takes in that nobody is going to read it.
func (b *Block[O]) Abandoned(err error) {
	b.Err = err
	close(b.Done)
	b.Release(0, true)
}

// Release takes a user away from a block, which has handed out n bytes to it. A
// block that was read whole is dropped: the kernel keeps what programs read.
func (b *Block[O]) Release(n int, whole bool) {
	s := b.store
	s.mu.Lock()
	defer s.mu.Unlock()
	b.users--
	b.used += n
	s.count.Used += uint64(n)
	if b.bold {
		s.bold.Used(n >> 10)
	}
	if whole && b.used >= b.N && !b.dropped {
		s.lru.Remove(b.key)
		return
	}
	if b.dropped && b.users == 0 {
		s.free(b)
	}
}

package cache

import (
	"time"

	"sftpmount/cache/internal/blocks"
	"sftpmount/cache/internal/credit"
)

const (
	// mostBoldKiB is how much may be read ahead boldly and in vain, besides a
	// quarter of what is used, and boldKiB what is added each second.
	mostBoldKiB = 16 << 10
	boldKiB     = 64

	// blockIdle is how long a block that was read ahead is spared when others
	// need its room.
	blockIdle = 2 * time.Second
)

type (
	block      = blocks.Block[*File]
	blockStore = blocks.Store[*File]
)

// readBuffer holds what was read of files before programs asked for it: ahead of those
// that read in sequence, and around scattered reads.
type readBuffer struct{ ahead, around *blockStore }

// newReadBuffer returns one that holds limit bytes of either. What was read around gives
// way to what is newer at once, and as much as there is room for may be in vain.
func newReadBuffer(limit int64) readBuffer {
	return readBuffer{
		ahead:  blocks.New[*File](limit, blockIdle, credit.New(mostBoldKiB, boldKiB)),
		around: blocks.New[*File](limit, 0, credit.New(int(limit>>10), boldKiB)),
	}
}

// drop forgets what was read of f between from and to.
func (b *readBuffer) drop(f *File, from, to int64) {
	b.ahead.Drop(f, from, to)
	b.around.Drop(f, from, to)
}

// dropUnsure forgets what was read of f so soon after mtime that the file may have been
// changed since, and have the same time.
func (b *readBuffer) dropUnsure(f *File, mtime uint32) {
	b.ahead.DropUnsure(f, mtime)
	b.around.DropUnsure(f, mtime)
}

func (b *readBuffer) dropAll() {
	b.ahead.DropAll()
	b.around.DropAll()
}

// outcome returns what has become of the bytes that were read.
func (b *readBuffer) outcome() Ahead {
	ahead, around := b.ahead.Outcome(), b.around.Outcome()
	return Ahead{Used: ahead.Used + around.Used, Wasted: ahead.Wasted + around.Wasted}
}

// bytes returns how much memory is taken.
func (b *readBuffer) bytes() int64 { return b.ahead.Bytes() + b.around.Bytes() }

package cache

import (
	"github.com/hashicorp/golang-lru/v2/simplelru"

	"sftpmount/cache/internal/blocks"
)

const (
	// scattered is the size up to which a read that belongs to no stream is taken for
	// a look at one of many records, in bytes.
	scattered = 32 << 10

	// maxReach is how many blocks are read around one read at most.
	maxReach = 8

	// aroundTries is how many blocks of a content are read around its reads before
	// each of them must have spared sparedEach reads: those of what is written
	// as much as it is read do not.
	aroundTries = 128
	sparedEach  = 4
)

// around is what is known of the scattered reads of a content. Programs that look
// things up, in a database or an archive, come back to the same parts of it: where a
// block is read in once more, all of it is fetched. While that spares more reads than
// it fails to, it is done at once, and with more and more of the blocks beside it. It
// is not done where the reads spread over more than can be kept.
//
// All Files that were opened while the file looked the same share what was fetched.
type around struct {
	// read is the blocks that were read in, each with the File that it was fetched
	// through, or nil if it was not.
	read    *simplelru.LRU[int64, *File]
	fetched int // blocks
	spared  int // reads that found what they need
	asked   int // reads that did not
}

// reach returns how many blocks are fetched around a read, a power of two, or 0.
func (a *around) reach(again bool) int64 {
	reach := int64(0)
	if a.fetched >= aroundTries+a.spared/sparedEach {
		return 0
	}
	if again {
		reach = 1
	}
	for n := int64(1); n <= maxReach && int64(a.spared) >= n*int64(a.asked); n *= 2 {
		reach = n
	}
	return reach
}

// slack returns how far off the place of a stream a read of n bytes may be that belongs
// to it: among scattered reads some come near by chance.
func (a *around) slack(n int64) int64 {
	if n <= scattered && a.spared > a.asked {
		return 0
	}
	return maxSlack
}

// readAround notes a scattered read of block i, and fetches what is around it where that
// is likely to be needed. content.mu is held.
func (f *File) readAround(i int64) {
	if f.content.fs.opts.NoReadAround {
		return
	}
	a := &f.content.around
	if a.read == nil {
		a.read, _ = simplelru.NewLRU[int64, *File](2*f.content.fs.readBuffer.around.Limit(), nil) // which is above 0
	}
	_, again := a.read.Get(i)
	a.asked++
	reach := a.reach(again)
	if reach == 0 || a.read.Len() > f.content.fs.readBuffer.around.Limit() {
		a.read.Add(i, nil)
		return
	}
	f.fetchAround(i, i&^(reach-1), reach)
}

// fetchAround fetches block i first, and then those of n from first on that are in the
// file.
func (f *File) fetchAround(i, first, n int64) {
	c := f.content
	fetch := func(i int64) bool {
		at := i * blocks.Size
		if at >= c.size.bytes || c.queue.overlapping(at, maxOffset) != nil {
			return false
		}
		if !f.fetchBlock(f.ahead.ctx, c.fs.readBuffer.around, at, c.size.bytes, min(blocks.Size, c.size.bytes-at)) {
			return false
		}
		c.around.read.Add(i, f)
		c.around.fetched++
		return true
	}
	if !fetch(i) {
		return
	}
	for j := first; j < first+n; j++ {
		if !f.hasAround(j) && !fetch(j) {
			return
		}
	}
}

// isSpared reports whether block i was read around another read, and notes that this
// has spared a read. content.mu is held.
func (f *File) isSpared(i int64) bool {
	if !f.hasAround(i) {
		return false
	}
	f.content.around.spared++
	return true
}

func (f *File) hasAround(i int64) bool {
	through := f.around(i)
	return through != nil && f.content.fs.readBuffer.around.Has(through, i)
}

// around returns the File that block i was fetched through, if f shares with it, or nil.
func (f *File) around(i int64) *File {
	read := f.content.around.read
	if read == nil {
		return nil
	}
	through, _ := read.Get(i)
	if through == nil || !f.sharesWith(through) {
		return nil
	}
	return through
}

// sharesWith reports whether what is read through other can be given to f: both were
// opened while the file looked the same, and a change would be known of.
func (f *File) sharesWith(other *File) bool {
	return f == other || !other.closed && f.opened.sure && f.opened == other.opened
}

// fetchedAround returns the block of that index, if there is one that was read around
// another read.
func (f *File) fetchedAround(index int64) *block {
	c := f.content
	c.mu.Lock()
	defer c.mu.Unlock()
	through := f.around(index)
	if through == nil {
		return nil
	}
	return c.fs.readBuffer.around.Get(through, index)
}

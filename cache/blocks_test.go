package cache

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// Blocks that somebody still reads from are not used for anything else.
func TestDroppedBlocksLiveUntilReleased(t *testing.T) {
	all := newBlocks(2 * blockSize)
	f := &File{}
	key := blockKey{f, 0}
	fetch, _ := all.add(key, 0)
	fetch.data = all.memory(blockSize)
	again, room := all.add(key, 0)
	assert.Nil(t, again, "one fetch at a time")
	assert.True(t, room)
	reader := all.get(key)
	assert.Same(t, fetch, reader)
	all.drop(f, 0, maxOffset)
	assert.Nil(t, all.get(key))
	all.release(key, fetch, 0, false)
	assert.NotNil(t, reader.data)
	_, room = all.add(blockKey{f, 1}, 0)
	assert.True(t, room)
	_, room = all.add(blockKey{f, 2}, 0)
	assert.False(t, room, "the dropped one still counts")
	all.release(key, reader, 10, true)
	assert.Nil(t, reader.data)
	_, room = all.add(blockKey{f, 2}, 0)
	assert.True(t, room)
}

func BenchmarkBlocks(b *testing.B) {
	all := newBlocks(64 << 20)
	f := &File{}
	b.ReportAllocs()
	for i := int64(0); b.Loop(); i++ {
		key := blockKey{f, i}
		block, _ := all.add(key, 0)
		block.data, block.n = all.memory(blockSize), blockSize
		close(block.done)
		all.release(key, block, 0, false)
		all.release(key, all.get(key), blockSize, true)
	}
}

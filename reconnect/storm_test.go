package reconnect

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sftpmount/sftpconn"
)

// TestDropStorm cuts the connection at random moments while a writer, a reader,
// an appender and somebody who renames are at work, and compares with the disk.
func TestDropStorm(t *testing.T) {
	const drops = 50
	seed := rand.Uint64()
	t.Log("seed", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	before := leastGoroutines()
	m := newMount(t, sftpconn.Read, Options{})
	// The deadline of a test is short for a storm under the race detector.
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Second)
	defer cancel()
	m.ctx = ctx

	storming := make(chan struct{})
	var jobs sync.WaitGroup
	for _, job := range []func(<-chan struct{}){m.writeMuch, m.readMuch, m.appendLines, m.renameOver} {
		jobs.Go(func() { job(storming) })
	}
	for m.fs.Status().Connection <= drops {
		time.Sleep(time.Duration(random.IntN(150)) * time.Millisecond)
		m.server.Drop()
	}
	close(storming)
	jobs.Wait()
	assert.Empty(t, m.fs.open.changes)
	require.NoError(t, m.fs.Close())
	m.server.Close()
	assert.LessOrEqual(t, leastGoroutines(), before, "lost goroutines")
}

// leastGoroutines counts the goroutines once those that are about to end have.
func leastGoroutines() int {
	least := runtime.NumGoroutine()
	for range 20 {
		time.Sleep(10 * time.Millisecond)
		least = min(least, runtime.NumGoroutine())
	}
	return least
}

// during calls do at least once, and until the storm is over.
func during(storm <-chan struct{}, do func(round int)) {
	for round := 0; ; round++ {
		do(round)
		select {
		case <-storm:
			return
		default:
		}
	}
}

// writeMuch writes a file with many requests under way, some over others.
func (m *mount) writeMuch(storm <-chan struct{}) {
	h := m.open("written", readWrite|sftpconn.Create)
	model := make([]byte, 4<<20)
	source := rand.NewChaCha8([32]byte{1})
	random := rand.New(source)
	during(storm, func(int) {
		for range 40 {
			data := make([]byte, 1+random.IntN(200_000))
			_, _ = source.Read(data)
			off := random.IntN(len(model) - len(data))
			copy(model[off:], data)
			h.Write(data, int64(off))
		}
		size := int64(len(model))
		h.SetAttr(sftpconn.SetAttr{Attr: sftpconn.Attr{Valid: sftpconn.AttrSize, Size: uint64(size)}})
		assert.NoError(m.t, h.Flush(m.ctx))
	})
	assert.NoError(m.t, h.Sync(m.ctx))
	assert.NoError(m.t, h.Close(m.ctx))
	got, err := os.ReadFile(m.dir + "/written")
	assert.NoError(m.t, err)
	assert.Equal(m.t, sha256.Sum256(model), sha256.Sum256(got))
}

// readMuch reads a file again and again through one handle.
func (m *mount) readMuch(storm <-chan struct{}) {
	content := make([]byte, 3<<20)
	_, _ = rand.NewChaCha8([32]byte{2}).Read(content)
	assert.NoError(m.t, os.WriteFile(m.dir+"/read", content, 0o644))
	h := m.open("read", sftpconn.Read)
	during(storm, func(int) {
		got := make([]byte, len(content)+1)
		n, err := h.ReadAt(m.ctx, got, 0)
		assert.ErrorIs(m.t, err, io.EOF)
		assert.True(m.t, bytes.Equal(content, got[:n]), "read something else")
	})
	assert.NoError(m.t, h.Close(m.ctx))
}

// appendLines appends numbered lines, a few at a time.
func (m *mount) appendLines(storm <-chan struct{}) {
	h := m.open("lines", sftpconn.Write|sftpconn.Create|sftpconn.Append)
	var want strings.Builder
	during(storm, func(round int) {
		for i := range 5 {
			line := fmt.Sprintf("%d.%d\n", round, i)
			want.WriteString(line)
			h.Write([]byte(line), 0)
		}
		assert.NoError(m.t, h.Flush(m.ctx))
	})
	assert.NoError(m.t, h.Close(m.ctx))
	got, err := os.ReadFile(m.dir + "/lines")
	assert.NoError(m.t, err)
	assert.True(m.t, want.String() == string(got), "lines are missing, doubled or out of order")
}

// renameOver replaces a file by new versions of it.
func (m *mount) renameOver(storm <-chan struct{}) {
	during(storm, func(round int) {
		h := m.open("new version", sftpconn.Write|sftpconn.Create|sftpconn.Truncate)
		h.Write([]byte(fmt.Sprint(round)), 0)
		assert.NoError(m.t, h.Flush(m.ctx))
		assert.NoError(m.t, h.Close(m.ctx))
		assert.NoError(m.t, m.fs.Rename(m.ctx, m.dir+"/new version", m.dir+"/version", true))
		got, err := os.ReadFile(m.dir + "/version")
		assert.NoError(m.t, err)
		assert.Equal(m.t, fmt.Sprint(round), string(got))
	})
}

// TestManyDrops leaves no goroutine behind, however often the connection ends.
func TestManyDrops(t *testing.T) {
	m := newMount(t, sftpconn.Read, Options{})
	m.requireRead("0123456789")
	before := leastGoroutines()
	for range 50 {
		m.drop()
		m.requireRead("0123456789")
	}
	assert.LessOrEqual(t, leastGoroutines(), before+20, "one of each drop would be more")
}

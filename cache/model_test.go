package cache_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"io"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sftpmount/cache"
	"sftpmount/sftpconn"
)

var seed = flag.Uint64("seed", uint64(time.Now().UnixNano()), "of TestModel")

// Random operations through one and several handles give what a file in memory
// gives.
func TestModel(t *testing.T) {
	for name, opts := range map[string]cache.Options{
		"Defaults":   {},
		"Tight":      {WriteBuffer: 300_000, ReadBuffer: 300_000, MaxEntries: 10},
		"SyncWrites": {SyncWrites: true},
		"AsyncClose": {AsyncClose: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			t.Logf("-seed=%d", *seed)
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			fsys, root, link := newFar(t, opts)
			link.SetDelay(time.Millisecond)
			m := &model{
				T:      t,
				ctx:    ctx,
				fs:     fsys,
				path:   root + "/file",
				random: rand.New(rand.NewPCG(*seed, 0)),
			}
			for i := range m.handles {
				m.reopen(i)
			}
			for begin := time.Now(); time.Since(begin) < 5*time.Second; {
				m.step()
			}
			for i := range m.handles {
				require.NoError(t, m.handles[i].Sync(ctx))
			}
			got, err := os.ReadFile(m.path)
			require.NoError(t, err)
			require.True(t, bytes.Equal(m.want, got), "on the server's disk")
		})
	}
}

// model is a file and what it should hold.
type model struct {
	*testing.T
	ctx     context.Context
	fs      *cache.FS
	path    string
	random  *rand.Rand
	handles [3]sftpconn.File // the last one appends
	want    []byte
	mtime   uint32 // that was set last, or 0 if something was written since
}

const modelSize = 2 << 20

func (m *model) step() {
	f := m.handles[m.random.IntN(2)]
	off := m.random.IntN(modelSize)
	if m.random.IntN(2) == 0 {
		off = min(off, max(len(m.want)-1, 0))
	}
	n := 1 + m.random.IntN(1<<m.random.IntN(19))
	switch m.random.IntN(16) {
	case 0, 1, 2, 3, 4:
		m.write(f, off, n, 1)
	case 5:
		m.write(f, off, 1+n/64, 1+m.random.IntN(64)) // in sequence
	case 6, 7, 8, 9:
		m.read(f, off, n, 1)
	case 10:
		m.read(f, off, 1+n/16, 1+m.random.IntN(16))
	case 11:
		m.truncate(f, off)
	case 12:
		m.append(n)
	case 13:
		m.reopen(m.random.IntN(len(m.handles)))
	case 14:
		m.mtime = uint32(1 + m.random.IntN(1<<30))
		set := sftpconn.SetAttr{Attr: sftpconn.Attr{Valid: sftpconn.AttrTimes, Mtime: m.mtime}}
		f.SetAttr(set)
		m.checkAttr(f)
	case 15:
		if m.random.IntN(4) == 0 {
			m.rename()
		}
		if m.random.IntN(4) == 0 {
			require.NoError(m, f.Flush(m.ctx))
		}
		m.checkAttr(f)
	}
}

func (m *model) fill(n int) []byte {
	p := make([]byte, n)
	value := byte(m.random.Uint32())
	for i := range p {
		p[i] = value + byte(i)
	}
	return p
}

func (m *model) grow(size int) {
	if size > len(m.want) {
		m.want = append(m.want, make([]byte, size-len(m.want))...)
	}
}

func (m *model) write(f sftpconn.File, off, n, times int) {
	for range times {
		p := m.fill(n)
		m.grow(off + n)
		copy(m.want[off:], p)
		pending := f.Write(p, int64(off))
		clear(p) // it was copied
		require.NoError(m, pending.Wait(m.ctx))
		off += n
	}
	m.mtime = 0
}

func (m *model) append(n int) {
	p := m.fill(n)
	m.want = append(m.want, p...)
	m.mtime = 0
	require.NoError(m, m.handles[2].Write(p, 0).Wait(m.ctx))
}

func (m *model) read(f sftpconn.File, off, n, times int) {
	for range times {
		p := make([]byte, n)
		got, err := f.ReadAt(m.ctx, p, int64(off))
		end := min(off+n, len(m.want))
		want := m.want[min(off, end):end]
		require.Equal(m, len(want), got, "read of %d at %d of %d", n, off, len(m.want))
		require.True(m, bytes.Equal(want, p[:got]), "read of %d at %d of %d", n, off, len(m.want))
		if got < n {
			require.ErrorIs(m, err, io.EOF)
		} else if !errors.Is(err, io.EOF) {
			require.NoError(m, err)
		}
		off += n
	}
}

func (m *model) truncate(f sftpconn.File, size int) {
	m.grow(size)
	m.want = m.want[:size:size]
	m.mtime = 0
	set := sftpconn.SetAttr{Attr: sftpconn.Attr{Valid: sftpconn.AttrSize, Size: uint64(size)}}
	if m.random.IntN(2) == 0 {
		f.SetAttr(set) // nobody waits
		return
	}
	attr, err := m.fs.SetAttr(m.ctx, m.path, set)
	require.NoError(m, err)
	require.EqualValues(m, size, attr.Size)
}

func (m *model) reopen(i int) {
	flags := sftpconn.Read | sftpconn.Write | sftpconn.Create
	if i == 2 {
		flags |= sftpconn.Append
	}
	if old := m.handles[i]; old != nil {
		if m.random.IntN(2) == 0 {
			require.NoError(m, old.Flush(m.ctx))
		}
		require.NoError(m, old.Close(m.ctx))
		if i != 2 && m.random.IntN(4) == 0 {
			flags |= sftpconn.Truncate
			m.want = nil
			m.mtime = 0
		}
	}
	f, attr, err := m.fs.Open(m.ctx, m.path, flags, 0o644)
	require.NoError(m, err)
	require.EqualValues(m, len(m.want), attr.Size)
	m.handles[i] = f
}

func (m *model) rename() {
	to := m.path + "x"
	if len(to) > 150 {
		to = m.path[:100]
	}
	require.NoError(m, m.fs.Rename(m.ctx, m.path, to, true))
	m.path = to
}

func (m *model) checkAttr(f sftpconn.File) {
	byHandle, err := f.Attr(m.ctx)
	require.NoError(m, err)
	byPath, err := m.fs.Lstat(m.ctx, m.path)
	require.NoError(m, err)
	for _, attr := range []sftpconn.Attr{byHandle, byPath} {
		require.EqualValues(m, len(m.want), attr.Size)
		if m.mtime != 0 {
			require.Equal(m, m.mtime, attr.Mtime)
		}
	}
}

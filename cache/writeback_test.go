package cache

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sftpmount/cache/internal/known"
	"sftpmount/sftpconn"
)

const readWrite = sftpconn.Read | sftpconn.Write | sftpconn.Create

func open(t *testing.T, f *FS, path string, flags sftpconn.OpenFlags) *File {
	t.Helper()
	file, _, err := f.Open(t.Context(), path, flags, 0o644)
	require.NoError(t, err)
	return file.(*File)
}

func write(t *testing.T, f *File, p []byte, off int64) {
	t.Helper()
	require.NoError(t, f.Write(p, off).Wait(t.Context()))
}

// pattern returns n bytes that differ from place to place.
func pattern(n int) []byte {
	p := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{}).Read(p)
	return p
}

// Small writes become few packets, and a lone one is not delayed.
func TestSmallWritesMerge(t *testing.T) {
	far(t, Options{}, func(t *testing.T, s *farServer, f *FS) {
		file := open(t, f, "/d/a", readWrite)
		want := pattern(10 << 20)
		assert.Zero(t, roundTrips(func() {
			for at := 0; at < len(want); at += 4096 {
				write(t, file, want[at:at+4096], int64(at))
			}
		}))
		assert.LessOrEqual(t, s.count("WRITE"), len(want)/packetSize+2)
		assert.Equal(t, 1, roundTrips(func() { require.NoError(t, file.Flush(t.Context())) }))
		assert.True(t, bytes.Equal(want, s.data("/d/a")))
		write(t, file, []byte("alone"), 0)
		before := s.count("WRITE")
		synctest.Wait()
		assert.Equal(t, before, s.count("WRITE"), "sent by Write itself")
		require.NoError(t, file.Flush(t.Context()))
	})
}

func TestRoundTripsOfWriting(t *testing.T) {
	far(t, Options{}, func(t *testing.T, _ *farServer, f *FS) {
		_, _ = f.ReadDir(t.Context(), "/d")
		var attr sftpconn.Attr
		assert.Equal(t, 2, roundTrips(func() {
			file := open(t, f, "/d/a", sftpconn.Write|sftpconn.Create)
			write(t, file, pattern(200_000), 0)
			change := file.SetAttr(setMode(0o600)) // what futimens and fchmod can be
			times := file.SetAttr(setTimes(12345))
			require.NoError(t, file.Flush(t.Context()))
			require.NoError(t, change.Wait(t.Context()))
			require.NoError(t, times.Wait(t.Context()))
			require.NoError(t, file.Close(t.Context()))
		}))
		assert.Zero(t, roundTrips(func() {
			var err error
			attr, err = f.Lstat(t.Context(), "/d/a")
			require.NoError(t, err)
		}))
		assert.EqualValues(t, 12345, attr.Mtime)
		assert.EqualValues(t, 12345, attr.Atime)
		assert.EqualValues(t, syscall.S_IFREG|0o600, attr.Mode)
	})
}

// A change of attributes by path comes after the data that is under way.
func TestSetAttrByPathIsInOrder(t *testing.T) {
	far(t, Options{}, func(t *testing.T, s *farServer, f *FS) {
		file := open(t, f, "/d/a", readWrite)
		for range 3 {
			write(t, file, pattern(300_000), 0)
			attr, err := f.SetAttr(t.Context(), "/d/a", setSize(1000))
			require.NoError(t, err)
			assert.EqualValues(t, 1000, attr.Size)
			attr, err = f.Lstat(t.Context(), "/d/a")
			require.NoError(t, err)
			assert.EqualValues(t, 1000, attr.Size)
			assert.Equal(t, pattern(1000), s.data("/d/a"))
		}
		write(t, file, []byte("x"), 0)
		assert.Equal(t, 1, roundTrips(func() { _, _ = f.SetAttr(t.Context(), "/d/a", setTimes(777)) }))
		require.NoError(t, file.Close(t.Context()))
		attr, err := f.Lstat(t.Context(), "/d/a")
		require.NoError(t, err)
		assert.EqualValues(t, 777, attr.Mtime)
	})
}

// What was written is seen at once, in the size too, though nothing has been
// acknowledged.
func TestUnsentDataIsSeen(t *testing.T) {
	far(t, Options{}, func(t *testing.T, _ *farServer, f *FS) {
		_, _ = f.ReadDir(t.Context(), "/d")
		file, other := open(t, f, "/d/a", readWrite), open(t, f, "/d/a", sftpconn.Read)
		write(t, file, []byte("hello"), 100)
		write(t, file, []byte("far"), 1<<20)
		before := uint32(time.Now().Unix())
		attr, err := f.Lstat(t.Context(), "/d/a")
		require.NoError(t, err)
		assert.EqualValues(t, 1<<20+3, attr.Size)
		assert.GreaterOrEqual(t, attr.Mtime, before)
		p := make([]byte, 10)
		n, err := other.ReadAt(t.Context(), p, 100)
		require.NoError(t, err, "there is a hole behind")
		assert.Equal(t, []byte("hello\x00\x00\x00\x00\x00"), p[:n])
		_, err = other.ReadAt(t.Context(), p, 1<<20)
		require.ErrorIs(t, err, io.EOF)
		_, attr, err = f.Open(t.Context(), "/d/a", sftpconn.Read, 0)
		require.NoError(t, err)
		assert.EqualValues(t, 1<<20+3, attr.Size)
	})
}

// Who reads what is on its way, as an assembler does, waits for nobody. The newest
// of what overlaps counts.
func TestUnacknowledgedDataIsReadAtOnce(t *testing.T) {
	far(t, Options{}, func(t *testing.T, s *farServer, f *FS) {
		_, _ = f.ReadDir(t.Context(), "/d")
		file, other := open(t, f, "/d/new", readWrite|sftpconn.Create|sftpconn.Excl), open(t, f, "/d/new", sftpconn.Read)
		var want []byte
		p := make([]byte, 4096)
		assert.Zero(t, roundTrips(func() {
			// The hole between is blank, since the file is new.
			for i, piece := range []struct{ off, n int }{{0, 100}, {100, 300}, {50, 100}, {0, 10}, {500, 7}, {90, 20}} {
				data := bytes.Repeat([]byte{byte(i + 1)}, piece.n)
				write(t, file, data, int64(piece.off))
				want = append(want, make([]byte, max(0, piece.off+piece.n-len(want)))...)
				copy(want[piece.off:], data)
			}
			n, err := other.ReadAt(t.Context(), p, 0)
			require.ErrorIs(t, err, io.EOF)
			assert.Equal(t, want, p[:n])
			n, err = file.ReadAt(t.Context(), p[:200], 60)
			require.NoError(t, err)
			assert.Equal(t, want[60:260], p[:n])
		}))
		assert.Zero(t, s.count("READ"))
		require.NoError(t, file.Flush(t.Context()))
		write(t, file, []byte("x"), 0)
		want[0] = 'x'
		n, err := file.ReadAt(t.Context(), p, 0)
		require.ErrorIs(t, err, io.EOF)
		assert.Equal(t, want, p[:n])
		assert.Positive(t, s.count("READ"), "what is acknowledged is the server's to tell")
	})
}

func TestTruncatingOpenComesAfterData(t *testing.T) {
	far(t, Options{}, func(t *testing.T, s *farServer, f *FS) {
		file := open(t, f, "/d/a", readWrite)
		write(t, file, pattern(600_000), 0)
		again, attr, err := f.Open(t.Context(), "/d/a", sftpconn.Write|sftpconn.Truncate, 0)
		require.NoError(t, err)
		assert.Zero(t, attr.Size)
		require.NoError(t, again.Flush(t.Context()))
		require.NoError(t, file.Flush(t.Context()))
		assert.Empty(t, s.data("/d/a"))
		attr, err = f.Lstat(t.Context(), "/d/a")
		require.NoError(t, err)
		assert.Zero(t, attr.Size)
	})
}

// Open files follow their file through renames, and live on when it is removed.
func TestPathsOfOpenFiles(t *testing.T) {
	far(t, Options{}, func(t *testing.T, _ *farServer, f *FS) {
		ctx := t.Context()
		_, err := f.Mkdir(ctx, "/d/x", 0o755)
		require.NoError(t, err)
		file := open(t, f, "/d/x/a", readWrite)
		write(t, file, pattern(1000), 0)
		require.NoError(t, f.Rename(ctx, "/d/x", "/d/y", true))
		write(t, file, pattern(1000), 1000)
		attr, err := f.Lstat(ctx, "/d/y/a")
		require.NoError(t, err)
		assert.EqualValues(t, 2000, attr.Size)
		_, err = f.Link(ctx, "/d/y/a", "/d/link")
		require.NoError(t, err)
		write(t, file, pattern(1000), 2000)
		attr, err = f.Lstat(ctx, "/d/link")
		require.NoError(t, err)
		assert.EqualValues(t, 3000, attr.Size)
		require.NoError(t, f.Remove(ctx, "/d/y/a"))
		require.NoError(t, f.Remove(ctx, "/d/link"))
		fresh := open(t, f, "/d/link", readWrite)
		write(t, file, pattern(1000), 3000)
		attr, err = f.Lstat(ctx, "/d/link")
		require.NoError(t, err)
		assert.Zero(t, attr.Size, "another file")
		attr, err = file.Attr(ctx)
		require.NoError(t, err)
		assert.EqualValues(t, 4000, attr.Size)
		p := make([]byte, 1000)
		_, err = file.ReadAt(ctx, p, 3000)
		require.NoError(t, err)
		assert.Equal(t, pattern(1000), p)
		require.NoError(t, fresh.Close(ctx))
		require.NoError(t, file.Close(ctx))
		time.Sleep(2 * delay) // for what is on its way
		synctest.Wait()
		assert.Empty(t, f.opens.all)
		assert.Empty(t, f.opens.byPath)
		assert.Empty(t, f.opens.moving)
		assert.Zero(t, f.names.InDoubt())
	})
}

// Each open descriptor is told of a failure, once.
func TestErrorsAreReportedOncePerFile(t *testing.T) {
	far(t, Options{}, func(t *testing.T, s *farServer, f *FS) {
		ctx := t.Context()
		s.put("/d/a", []byte("kept"))
		one, two, three := open(t, f, "/d/a", readWrite), open(t, f, "/d/a", readWrite), open(t, f, "/d/a", readWrite)
		full := true
		s.fail = func(op, _ string) error {
			if op == "WRITE" && full {
				return syscall.ENOSPC
			}
			return nil
		}
		write(t, one, []byte("lost"), 0)
		time.Sleep(delay)
		require.ErrorIs(t, one.Flush(ctx), syscall.ENOSPC)
		require.NoError(t, one.Flush(ctx))
		require.ErrorIs(t, two.Write([]byte("not taken"), 0).Wait(ctx), syscall.ENOSPC)
		require.NoError(t, two.Flush(ctx))
		require.ErrorIs(t, three.Sync(ctx), syscall.ENOSPC)
		late := open(t, f, "/d/a", readWrite)
		require.NoError(t, late.Flush(ctx), "opened after it")
		assert.Equal(t, []byte("kept"), s.data("/d/a"))
		attr, err := f.Lstat(ctx, "/d/a")
		require.NoError(t, err)
		assert.EqualValues(t, 4, attr.Size)
		s.mu.Lock()
		full = false
		s.mu.Unlock()
		write(t, one, []byte("done"), 0)
		for _, file := range []*File{one, two, three, late} {
			require.NoError(t, file.Flush(ctx))
		}
		assert.Equal(t, []byte("done"), s.data("/d/a"))
	})
}

// A loss that a close(2) is being told of is one for an fsync(2) of the same
// open file that began before.
func TestSimultaneousFlushesAreBothTold(t *testing.T) {
	for name, start := range map[string]func(*File){
		"Write":   func(f *File) { f.Write([]byte("lost"), 0) },
		"SetAttr": func(f *File) { f.SetAttr(setMode(0o600)) },
	} {
		t.Run(name, func(t *testing.T) {
			far(t, Options{}, func(t *testing.T, s *farServer, f *FS) {
				file := open(t, f, "/d/a", readWrite)
				s.fail = func(op, _ string) error {
					if op == "WRITE" || op == "FSETSTAT" {
						return syscall.ENOSPC
					}
					return nil
				}
				start(file)
				told := make(chan error)
				go func() { told <- file.Flush(t.Context()) }()
				require.ErrorIs(t, file.Sync(t.Context()), syscall.ENOSPC)
				require.ErrorIs(t, <-told, syscall.ENOSPC)
				require.NoError(t, file.Sync(t.Context()), "told already")
			})
		})
	}
}

// A write is taken at once, and whoever made it waits for the budget.
func TestBudgetPushesBack(t *testing.T) {
	far(t, Options{WriteBuffer: 4 * packetSize}, func(t *testing.T, s *farServer, f *FS) {
		file := open(t, f, "/d/a", readWrite)
		block := pattern(4 * packetSize)
		assert.Zero(t, roundTrips(func() { write(t, file, block, 0) }))
		pending := file.Write(block, 4*packetSize)
		ctx, cancel := context.WithTimeout(t.Context(), delay/4)
		defer cancel()
		require.ErrorIs(t, pending.Wait(ctx), context.DeadlineExceeded)
		assert.Equal(t, 1, roundTrips(func() { require.NoError(t, pending.Wait(t.Context())) }))
		require.NoError(t, file.Flush(t.Context()))
		assert.Equal(t, append(block, block...), s.data("/d/a"))
	})
}

// A signal ends waiting only where nothing is being acknowledged.
func TestInterruptedWaits(t *testing.T) {
	far(t, Options{WriteBuffer: 1 << 20}, func(t *testing.T, s *farServer, f *FS) {
		file := open(t, f, "/d/a", readWrite)
		interrupt := make(chan struct{})
		close(interrupt)
		ctx := sftpconn.WithInterrupt(t.Context(), interrupt)
		require.NoError(t, file.Write(make([]byte, 2<<20), 0).Wait(ctx))
		require.NoError(t, file.Flush(ctx))
		stalled := make(chan struct{})
		s.fail = func(op, _ string) error {
			if op == "WRITE" {
				s.mu.Unlock()
				<-stalled
				s.mu.Lock()
			}
			return nil
		}
		pending := file.Write(make([]byte, 2<<20), 0)
		start := time.Now()
		require.ErrorIs(t, pending.Wait(ctx), syscall.EINTR)
		assert.InDelta(t, silence, time.Since(start), float64(delay))
		require.ErrorIs(t, file.Flush(ctx), syscall.EINTR)
		close(stalled)
		require.NoError(t, file.Flush(ctx))
	})
}

func TestAppendStaysInOrder(t *testing.T) {
	far(t, Options{}, func(t *testing.T, s *farServer, f *FS) {
		s.put("/d/log", []byte("start "))
		one := open(t, f, "/d/log", sftpconn.Write|sftpconn.Append)
		two := open(t, f, "/d/log", sftpconn.Write|sftpconn.Append)
		want := "start "
		for i := range 200 {
			file, line := one, string(rune('a'+i%26))
			if i%7 == 0 {
				file = two
			}
			write(t, file, []byte(line), 0)
			want += line
		}
		big := pattern(1 << 20)
		write(t, one, big, 0)
		want += string(big)
		require.NoError(t, two.Flush(t.Context()))
		assert.True(t, want == string(s.data("/d/log")))
	})
}

func TestSyncWrites(t *testing.T) {
	far(t, Options{SyncWrites: true}, func(t *testing.T, s *farServer, f *FS) {
		file := open(t, f, "/d/a", readWrite)
		assert.Equal(t, 1, roundTrips(func() { write(t, file, pattern(1<<20), 0) }))
		assert.Equal(t, pattern(1<<20), s.data("/d/a"))
		s.fail = func(op, _ string) error {
			if op == "WRITE" {
				return syscall.ENOSPC
			}
			return nil
		}
		require.ErrorIs(t, file.Write([]byte("x"), 0).Wait(t.Context()), syscall.ENOSPC)
	})
}

// What was closed without a Flush is sent all the same.
func TestCloseSends(t *testing.T) {
	far(t, Options{}, func(t *testing.T, s *farServer, f *FS) {
		file := open(t, f, "/d/a", readWrite)
		write(t, file, pattern(1<<20), 0)
		assert.Zero(t, roundTrips(func() { require.NoError(t, file.Close(t.Context())) }))
		require.Error(t, file.Write([]byte("x"), 0).Wait(t.Context()))
		require.Error(t, file.Close(t.Context()))
		unsent := f.Unsent()
		assert.EqualValues(t, map[string]int64{"/d/a": 1 << 20}, unsent)
		require.NoError(t, f.Close())
		assert.Equal(t, pattern(1<<20), s.data("/d/a"))
		assert.Empty(t, f.Unsent())
		assert.Equal(t, 1, s.count("CLOSE"))
	})
}

// Close tells of what it could not send.
func TestCloseTellsWhatIsLost(t *testing.T) {
	for name, failure := range map[string]func(stalled chan struct{}) error{
		"Refused": func(chan struct{}) error { return syscall.ENOSPC },
		"Stalled": func(stalled chan struct{}) error { <-stalled; return errors.New("too late") },
	} {
		t.Run(name, func(t *testing.T) {
			far(t, Options{CloseTimeout: 10 * time.Second}, func(t *testing.T, s *farServer, f *FS) {
				file := open(t, f, "/d/a", readWrite)
				stalled := make(chan struct{})
				s.fail = func(op, _ string) error {
					if op != "WRITE" {
						return nil
					}
					s.mu.Unlock()
					defer s.mu.Lock()
					return failure(stalled)
				}
				write(t, file, pattern(1<<20), 0)
				start := time.Now()
				require.ErrorIs(t, f.Close(), syscall.EIO)
				assert.LessOrEqual(t, time.Since(start), 10*time.Second)
				assert.EqualValues(t, map[string]int64{"/d/a": 1 << 20}, f.Unsent())
				close(stalled)
			})
		})
	}
}

func setTimes(mtime uint32) sftpconn.SetAttr {
	return sftpconn.SetAttr{Attr: sftpconn.Attr{Valid: sftpconn.AttrTimes, Atime: mtime, Mtime: mtime}}
}

// A file that is reopened while its size is being set is no longer or shorter
// for it.
func TestInvalidateWhileTruncating(t *testing.T) {
	far(t, Options{}, func(t *testing.T, s *farServer, f *FS) {
		file := open(t, f, "/d/a", readWrite)
		write(t, file, pattern(1000), 0)
		require.NoError(t, file.Flush(t.Context()))
		write(t, file, pattern(100), 5000)
		cut := file.SetAttr(setSize(3000))
		told := make(chan sftpconn.Attr)
		go func() {
			attr, _ := file.Attr(t.Context())
			told <- attr
		}()
		synctest.Wait()
		f.Invalidate("/d/a")
		assert.Equal(t, uint64(3000), (<-told).Size)
		require.NoError(t, cut.Wait(t.Context()))
		assert.Len(t, s.data("/d/a"), 3000)
		require.NoError(t, file.Close(t.Context()))
	})
}

// What is written after the last Flush and lost, as pages that the kernel writes
// back after close(2) can be, is told when the FS is closed. So is what the server
// lost that it had acknowledged.
func TestLossThatNobodyIsToldOf(t *testing.T) {
	for name, lose := range map[string]func(*testing.T, *farServer, *FS, *File){
		"write": func(t *testing.T, s *farServer, _ *FS, file *File) {
			s.refuse("WRITE", "/d/a", syscall.ENOSPC)
			write(t, file, pattern(1000), 0)
			time.Sleep(time.Second)
			require.Error(t, file.Write([]byte("x"), 2000).Wait(t.Context()), "to the kernel, perhaps")
		},
		"server": func(_ *testing.T, _ *farServer, f *FS, _ *File) { f.Lost("/d/a", 1000) },
	} {
		for _, told := range []bool{false, true} {
			t.Run(fmt.Sprint(name, " told: ", told), func(t *testing.T) {
				far(t, Options{}, func(t *testing.T, s *farServer, f *FS) {
					file := open(t, f, "/d/a", readWrite)
					require.NoError(t, file.Flush(t.Context()))
					lose(t, s, f, file)
					want := map[string]int64{"/d/a": 1000}
					if told {
						err := file.Sync(t.Context())
						if name == "server" {
							require.ErrorIs(t, err, syscall.EIO)
						}
						require.NoError(t, file.Sync(t.Context()), "once")
						want = map[string]int64{}
					}
					require.NoError(t, file.Close(t.Context()))
					assert.Equal(t, want, f.Unsent())
					assert.Equal(t, told, f.Close() == nil)
				})
			})
		}
	}
}

// What is remembered of losses is bounded.
func TestManyLosses(t *testing.T) {
	o := newOpens(known.Moving{})
	for i := range maxLost + 10 {
		o.lose(fmt.Sprint("/", i), 1)
		o.lose("/0", 1)
	}
	assert.Len(t, o.lost, maxLost+1)
	assert.EqualValues(t, maxLost+11, o.lost["/0"])
	assert.EqualValues(t, 10, o.lost[manyLost])
}

// What was set by path is not forgotten when the file is written to.
func TestModeSetByPathBeforeAWrite(t *testing.T) {
	for _, opts := range []Options{{}, {AsyncClose: true}} {
		far(t, opts, func(t *testing.T, _ *farServer, f *FS) {
			ctx := t.Context()
			file := open(t, f, "/d/a", readWrite)
			write(t, file, []byte("a"), 0)
			require.NoError(t, file.Sync(ctx)) // its Flush comes no more, perhaps
			_, err := f.SetAttr(ctx, "/d/a", setMode(0o600))
			require.NoError(t, err)
			write(t, file, []byte("b"), 1)
			for _, stat := range []func() (sftpconn.Attr, error){
				func() (sftpconn.Attr, error) { return file.Attr(ctx) },
				func() (sftpconn.Attr, error) { return f.Lstat(ctx, "/d/a") },
			} {
				attr, err := stat()
				require.NoError(t, err)
				assert.EqualValues(t, 0o600, attr.Mode&known.Permissions)
			}
			require.NoError(t, file.Close(ctx))
		})
	}
}

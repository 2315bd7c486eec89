package cache

import (
	"context"
	"io/fs"
	"log/slog"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sftpmount/sftpconn"
)

const delay = 100 * time.Millisecond

// far runs test on a cache over a server at a distance, on a fake clock.
func far(t *testing.T, opts Options, test func(t *testing.T, s *farServer, f *FS)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := newFarServer(t, delay)
		if opts.Logger == nil {
			opts.Logger = slog.New(slog.DiscardHandler)
		}
		f := New(s, opts)
		t.Cleanup(func() {
			_ = f.Close()
			assert.Zero(t, f.backlog.bytes(), "the backlog")
			assert.Zero(t, f.Stats().BlockBytes, "blocks")
			assert.False(t, s.clash, "overlapping writes were under way together")
		})
		test(t, s, f)
	})
}

// roundTrips is how many round trips do takes.
func roundTrips(do func()) int {
	start := time.Now()
	do()
	return int((time.Since(start) + delay - 1) / delay)
}

func TestAttributesAreKeptForATime(t *testing.T) {
	far(t, Options{}, func(t *testing.T, s *farServer, f *FS) {
		s.put("/d/a", []byte("abc"))
		lstat := func() {
			attr, err := f.Lstat(t.Context(), "/d/a")
			require.NoError(t, err)
			assert.EqualValues(t, 3, attr.Size)
		}
		assert.Equal(t, 1, roundTrips(lstat))
		assert.Equal(t, 0, roundTrips(lstat))
		time.Sleep(19 * time.Second)
		assert.Equal(t, 0, roundTrips(lstat))
		time.Sleep(time.Second)
		assert.Equal(t, 1, roundTrips(lstat))
	})
}

func TestAListingAnswersForItsNames(t *testing.T) {
	far(t, Options{}, func(t *testing.T, s *farServer, f *FS) {
		s.put("/d/a", []byte("abc"))
		_, err := f.ReadDir(t.Context(), "/d")
		require.NoError(t, err)
		stat := func(name string) func() {
			return func() { _, _ = f.Lstat(t.Context(), "/d/"+name) }
		}
		assert.Equal(t, 0, roundTrips(stat("a")))
		assert.Equal(t, 0, roundTrips(stat("absent")))
		_, err = f.Lstat(t.Context(), "/d/absent")
		require.ErrorIs(t, err, fs.ErrNotExist)
		assert.Equal(t, 0, roundTrips(func() { _, _ = f.ReadDir(t.Context(), "/d") }))
		time.Sleep(5 * time.Second)
		assert.Equal(t, 1, roundTrips(stat("absent")), "names absent are believed for 5 s")
		assert.Equal(t, 0, roundTrips(stat("absent")))
		assert.Equal(t, 0, roundTrips(stat("a")))
		time.Sleep(15 * time.Second)
		assert.Equal(t, 1, roundTrips(stat("a")))
		assert.Equal(t, 1, roundTrips(func() { _, _ = f.ReadDir(t.Context(), "/d") }))
	})
}

func TestDisabledAndBelowZero(t *testing.T) {
	for name, opts := range map[string]Options{
		"Disabled":  {Disabled: true},
		"Timeouts":  {AttrTimeout: -1, DirTimeout: -1, LinkTimeout: -1, NegativeTimeout: -1},
		"NoEntries": {MaxBytes: 1},
	} {
		t.Run(name, func(t *testing.T) {
			far(t, opts, func(t *testing.T, s *farServer, f *FS) {
				s.put("/d/a", nil)
				for range 2 {
					assert.Equal(t, 4, roundTrips(func() {
						_, _ = f.Lstat(t.Context(), "/d/a")
						_, _ = f.ReadDir(t.Context(), "/d")
						_, _ = f.Lstat(t.Context(), "/d/absent")
						_, _ = f.Readlink(t.Context(), "/d/link")
					}))
				}
			})
		})
	}
}

// Everything that is made or changed here is known without asking, and a
// listing stays usable.
func TestOwnChangesAreKnown(t *testing.T) {
	far(t, Options{}, func(t *testing.T, s *farServer, f *FS) {
		ctx := t.Context()
		names := func(dir string) (names []string) {
			entries, err := f.ReadDir(ctx, dir)
			require.NoError(t, err)
			for _, e := range entries {
				names = append(names, e.Name)
			}
			return names
		}
		s.put("/d/old", []byte("abc"))
		names("/d")
		_, err := f.Mkdir(ctx, "/d/sub", 0o755)
		require.NoError(t, err)
		file, _, err := f.Open(ctx, "/d/sub/new", sftpconn.Write|sftpconn.Create, 0o600)
		require.NoError(t, err)
		require.NoError(t, file.Write(make([]byte, 1000), 0).Wait(ctx))
		require.NoError(t, file.Flush(ctx))
		require.NoError(t, file.Close(ctx))
		require.NoError(t, f.Rename(ctx, "/d/old", "/d/moved", true))
		_, err = f.SetAttr(ctx, "/d/moved", setMode(0o600))
		require.NoError(t, err)
		require.NoError(t, f.Rename(ctx, "/d/sub", "/d/dir", true))
		assert.Zero(t, roundTrips(func() {
			assert.ElementsMatch(t, []string{"moved", "dir"}, names("/d"))
			assert.ElementsMatch(t, []string{"new"}, names("/d/dir"))
			for path, want := range map[string]sftpconn.Attr{
				"/d/moved":   {Size: 3, Mode: syscall.S_IFREG | 0o600},
				"/d/dir/new": {Size: 1000, Mode: syscall.S_IFREG | 0o600},
			} {
				attr, err := f.Lstat(ctx, path)
				require.NoError(t, err, path)
				assert.Equal(t, want.Size, attr.Size, path)
				assert.Equal(t, want.Mode, attr.Mode, path)
			}
			for _, path := range []string{"/d/old", "/d/sub"} {
				_, err := f.Lstat(ctx, path)
				require.ErrorIs(t, err, fs.ErrNotExist, path)
			}
		}))
		require.NoError(t, f.Remove(ctx, "/d/moved"))
		assert.Zero(t, roundTrips(func() { assert.Equal(t, []string{"dir"}, names("/d")) }))
		assert.Equal(t, 1, roundTrips(func() { _, _ = f.Lstat(ctx, "/d") }), "its times have changed")
	})
}

// An answer that was overtaken by a change made here is not remembered.
func TestOvertakenAnswers(t *testing.T) {
	changes := map[string]func(ctx context.Context, f *FS) error{
		"SetAttr": func(ctx context.Context, f *FS) error {
			_, err := f.SetAttr(ctx, "/d/a", setMode(0o600))
			return err
		},
		"Remove": func(ctx context.Context, f *FS) error { return f.Remove(ctx, "/d/a") },
		"Rename": func(ctx context.Context, f *FS) error { return f.Rename(ctx, "/d/a", "/d/b", true) },
		"Create": func(ctx context.Context, f *FS) error {
			_, _, err := f.Open(ctx, "/d/new", sftpconn.Write|sftpconn.Create, 0o600)
			return err
		},
		"Write": func(ctx context.Context, f *FS) error {
			file, _, err := f.Open(ctx, "/d/a", sftpconn.Write, 0)
			if err == nil {
				file.Write([]byte("longer"), 0)
				err = file.Flush(ctx)
			}
			return err
		},
	}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			far(t, Options{}, func(t *testing.T, s *farServer, f *FS) {
				s.put("/d/a", []byte("abc"))
				paths := []string{"/d/a", "/d/b", "/d/new"}
				var asking sync.WaitGroup
				// The answers are given before the change, and arrive after it.
				slow := &slowAnswers{farServer: s}
				f.under = slow
				for _, path := range paths {
					asking.Go(func() { _, _ = f.Lstat(t.Context(), path) })
				}
				asking.Go(func() { _, _ = f.ReadDir(t.Context(), "/d") })
				time.Sleep(delay)
				require.NoError(t, change(t.Context(), f))
				slow.on.Store(true)
				asking.Wait()
				entries, err := f.ReadDir(t.Context(), "/d")
				require.NoError(t, err)
				listed := map[string]sftpconn.Attr{}
				for _, e := range entries {
					listed["/d/"+e.Name] = e.Attr
				}
				for _, path := range paths {
					attr, err := f.Lstat(t.Context(), path)
					want, wantErr := s.Lstat(t.Context(), path)
					assert.Equal(t, wantErr == nil, err == nil, path)
					assert.Equal(t, want, attr, path)
					inList, ok := listed[path]
					assert.Equal(t, wantErr == nil, ok, path)
					if inList.Valid != 0 {
						assert.Equal(t, want, inList, path)
					}
				}
			})
		})
	}
}

// Two changes of one path whose order on the server is not known.
func TestConcurrentChanges(t *testing.T) {
	far(t, Options{}, func(t *testing.T, s *farServer, f *FS) {
		s.put("/d/a", nil)
		var wg sync.WaitGroup
		for _, mode := range []uint32{0o600, 0o640} {
			wg.Go(func() { _, _ = f.SetAttr(t.Context(), "/d/a", setMode(mode)) })
		}
		wg.Wait()
		attr, err := f.Lstat(t.Context(), "/d/a")
		require.NoError(t, err)
		want, _ := s.Lstat(t.Context(), "/d/a")
		assert.Equal(t, want, attr)
	})
}

func TestHardLinksAreNotRemembered(t *testing.T) {
	far(t, Options{}, func(t *testing.T, s *farServer, f *FS) {
		s.put("/d/a", []byte("abc"))
		_, err := f.Link(t.Context(), "/d/a", "/d/b")
		require.NoError(t, err)
		_, err = f.SetAttr(t.Context(), "/d/a", setMode(0o600))
		require.NoError(t, err)
		attr, err := f.Lstat(t.Context(), "/d/b")
		require.NoError(t, err)
		assert.EqualValues(t, syscall.S_IFREG|0o600, attr.Mode)
		require.NoError(t, f.Remove(t.Context(), "/d/a"))
		_, _ = f.Lstat(t.Context(), "/d/b")
		assert.Zero(t, roundTrips(func() { _, _ = f.Lstat(t.Context(), "/d/b") }))
	})
}

func setMode(mode uint32) sftpconn.SetAttr {
	return sftpconn.SetAttr{Attr: sftpconn.Attr{Valid: sftpconn.AttrMode, Mode: mode}}
}

func setSize(size uint64) sftpconn.SetAttr {
	return sftpconn.SetAttr{Attr: sftpconn.Attr{Valid: sftpconn.AttrSize, Size: size}}
}

package cache

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sftpmount/sftpconn"
)

// What is written under one of a file's names is seen under all of them.
func TestHardLinks(t *testing.T) {
	far(t, Options{}, func(t *testing.T, s *farServer, f *FS) {
		ctx := t.Context()
		s.put("/d/a", []byte("old"))
		for _, name := range []string{"/d/b", "/d/c", "/d/x"} {
			_, err := f.Link(ctx, "/d/a", name)
			require.NoError(t, err)
		}
		require.NoError(t, f.Remove(ctx, "/d/x"))
		require.NoError(t, f.Rename(ctx, "/d/c", "/d/e", true))
		size := 3
		for _, name := range []string{"/d/a", "/d/e", "/d/b", "/d/a"} {
			check := func(when string) {
				t.Helper()
				for _, seen := range []string{"/d/a", "/d/b", "/d/e"} {
					attr, err := f.Lstat(ctx, seen)
					require.NoError(t, err)
					assert.EqualValues(t, size, attr.Size, "%s %s, written as %s", seen, when, name)
				}
			}
			check("before")
			file := open(t, f, name, readWrite)
			size += 1000
			write(t, file, pattern(1000), int64(size-1000))
			check("unsent")
			require.NoError(t, file.Flush(ctx))
			check("sent")
			require.NoError(t, file.Close(ctx))
			check("closed")
			time.Sleep(time.Second)
		}
		fresh := open(t, f, "/d/x", readWrite)
		write(t, fresh, []byte("y"), 0)
		require.NoError(t, fresh.Close(ctx))
		attr, err := f.Lstat(ctx, "/d/a")
		require.NoError(t, err)
		assert.EqualValues(t, size, attr.Size, "a removed name is another file's")
	})
}

// A link tells the size that the file is going to have.
func TestLinkTellsOfUnsentData(t *testing.T) {
	far(t, Options{}, func(t *testing.T, s *farServer, f *FS) {
		file := open(t, f, "/d/a", readWrite)
		stalled := make(chan struct{})
		s.fail = func(op, _ string) error {
			if op == "WRITE" {
				s.mu.Unlock()
				time.Sleep(10 * delay)
				s.mu.Lock()
			}
			return nil
		}
		defer close(stalled)
		linked := make(chan sftpconn.Attr)
		go func() {
			attr, err := f.Link(t.Context(), "/d/a", "/d/b")
			assert.NoError(t, err)
			linked <- attr
		}()
		time.Sleep(delay / 10)
		write(t, file, pattern(1000), 0)
		assert.EqualValues(t, 1000, (<-linked).Size)
		require.NoError(t, file.Close(t.Context()))
	})
}

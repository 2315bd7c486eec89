package cache

import (
	"context"
	"io/fs"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sftpmount/sftpconn"
	"sftpmount/sftpconn/sftptest"
)

// What is asked about a folder's names while it moves may be answered before or
// after: it does not go along.
func TestQuestionsDuringRename(t *testing.T) {
	far(t, Options{}, func(t *testing.T, s *farServer, f *FS) {
		ctx := t.Context()
		_, err := f.Mkdir(ctx, "/d/dir", 0o755)
		require.NoError(t, err)
		require.NoError(t, open(t, f, "/d/dir/a", newFile).Close(ctx))
		answer := make(chan struct{})
		f.under = &sftptest.Mock{FS: s}
		f.direct = &sftptest.Mock{FS: s, RenameFn: func(ctx context.Context, oldPath, newPath string, replace bool) error {
			err := s.Rename(ctx, oldPath, newPath, replace)
			<-answer // comes late, as after a drop
			return err
		}}
		renamed := make(chan error)
		go func() { renamed <- f.Rename(ctx, "/d/dir", "/d/new", true) }()
		time.Sleep(delay)
		f.mu.Lock()
		f.names.ForgetAttr("/d/dir/a") // as it is after a while
		f.mu.Unlock()
		_, err = f.Lstat(ctx, "/d/dir/a")
		require.ErrorIs(t, err, fs.ErrNotExist)
		close(answer)
		require.NoError(t, <-renamed)
		_, err = f.Lstat(ctx, "/d/new/a")
		require.NoError(t, err)
		entries, err := f.ReadDir(ctx, "/d/new")
		require.NoError(t, err)
		assert.Len(t, entries, 1)
	})
}

// A file that is opened while its name moves may be the old one or a new one:
// it is not taken for the one that moves.
func TestOpenDuringRename(t *testing.T) {
	for name, paths := range map[string][2]string{"File": {"/d/a", "/d/b"}, "Directory": {"/d", "/e"}} {
		t.Run(name, func(t *testing.T) {
			far(t, Options{}, func(t *testing.T, s *farServer, f *FS) {
				s.put("/d/a", []byte("old"))
				moved := open(t, f, "/d/a", readWrite)
				renamed := make(chan error)
				go func() { renamed <- f.Rename(t.Context(), paths[0], paths[1], true) }()
				time.Sleep(delay / 4)
				during := open(t, f, "/d/a", readWrite) // arrives after the rename: a new file
				require.NoError(t, <-renamed)
				assert.NotSame(t, moved.content, during.content)
				write(t, moved, []byte("longer than before"), 0)
				attr, err := f.Lstat(t.Context(), "/d/a")
				require.NoError(t, err)
				assert.Zero(t, attr.Size)
				later := open(t, f, "/d/a", sftpconn.Read)
				assert.NotSame(t, moved.content, later.content)
				for _, file := range []*File{moved, during, later} {
					require.NoError(t, file.Close(t.Context()))
				}
			})
		})
	}
}

// A file that is opened while others move, or while its name comes to it, is known by
// its name: what is written to it is seen under that at once.
func TestOpenBesideRename(t *testing.T) {
	for name, paths := range map[string][2]string{
		"a file":         {"/d/b", "/d/c"},
		"another folder": {"/e", "/f"},
		"to its name":    {"/d/b", "/d/a"},
	} {
		t.Run(name, func(t *testing.T) {
			far(t, Options{}, func(t *testing.T, s *farServer, f *FS) {
				for _, path := range []string{"/d/a", "/d/b", "/e/a"} {
					s.put(path, []byte("old"))
				}
				s.put("/e", nil) // of which nothing is known here
				renamed := make(chan error)
				go func() { renamed <- f.Rename(t.Context(), paths[0], paths[1], true) }()
				time.Sleep(delay / 4)
				file := open(t, f, "/d/a", sftpconn.Read|sftpconn.Write)
				require.NoError(t, <-renamed)
				for _, content := range []string{"", "longer than before"} {
					write(t, file, []byte(content), 0)
					attr, err := f.Lstat(t.Context(), "/d/a")
					require.NoError(t, err)
					assert.EqualValues(t, max(len(content), 3), attr.Size)
				}
				require.NoError(t, file.Close(t.Context()))
			})
		})
	}
}

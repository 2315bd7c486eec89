package cache

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sftpmount/sftpconn"
)

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

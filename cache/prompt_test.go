package cache

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sftpmount/sftpconn"
)

// A small file that the kernel has nothing of is read as soon as it is opened, unless
// programs do not read what they open.
func TestUnreadFilesAreReadPromptly(t *testing.T) {
	far(t, Options{}, func(t *testing.T, s *farServer, f *FS) {
		content := pattern(100_000)
		s.put("/d/a", content)
		_, err := f.Stat(t.Context(), "/d/a")
		require.NoError(t, err)
		unread := sftpconn.Unread(t.Context())

		file, _, err := f.Open(unread, "/d/a", sftpconn.Read, 0)
		require.NoError(t, err)
		time.Sleep(delay)
		assert.Zero(t, roundTrips(func() { sameContent(t, content, file.(*File), 32<<10) }))
		assert.EqualValues(t, len(content), s.read)
		require.NoError(t, file.Close(t.Context()))

		const opens = 1000
		for range opens {
			file, _, err := f.Open(unread, "/d/a", sftpconn.Read, 0)
			require.NoError(t, err)
			require.NoError(t, file.Close(t.Context()))
		}
		assert.LessOrEqual(t, s.read, int64(mostBoldKiB<<10+opens*boldKiB<<10))
	})
}

package cache

import (
	"sync"
	"testing"
	"testing/synctest"
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

// A file that is written to while it is being opened is read as it is then.
func TestPromptReadsAreFresh(t *testing.T) {
	far(t, Options{}, func(t *testing.T, s *farServer, f *FS) {
		s.put("/d/a", pattern(1000))
		_, err := f.Stat(t.Context(), "/d/a")
		require.NoError(t, err)
		writer := open(t, f, "/d/a", sftpconn.Write)
		var opening sync.WaitGroup
		var reader sftpconn.File
		opening.Go(func() { reader, _, err = f.Open(sftpconn.Unread(t.Context()), "/d/a", sftpconn.Read, 0) })
		synctest.Wait()
		require.NoError(t, writer.Write([]byte("new"), 0).Wait(t.Context()))
		require.NoError(t, writer.Flush(t.Context()))
		opening.Wait()
		require.NoError(t, err)
		assert.Zero(t, f.readBuffer.ahead.Bytes(), "what came with the OPEN is old")
		p := make([]byte, 3)
		_, err = reader.ReadAt(t.Context(), p, 0)
		require.NoError(t, err)
		assert.Equal(t, "new", string(p))
	})
}

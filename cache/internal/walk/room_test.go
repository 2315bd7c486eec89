package walk

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"sftpmount/cache/internal/known"
	"sftpmount/sftpconn"
)

// A program goes on with the oldest of as many walks as there may be, and does what it
// did before: the walk that might begin with that takes the place of its own.
func TestWalkMakesRoomForAnother(t *testing.T) {
	names := known.New(known.Options{
		AttrTimeout: time.Minute,
		DirTimeout:  time.Minute,
		MaxEntries:  1000,
		MaxBytes:    1 << 20,
	})
	ws := New(names, Options{DirTimeout: time.Minute, ReadBuffer: 64 << 20}, func(*OpenedFile) {})
	var entries []sftpconn.DirEntry
	for i := range 10 {
		attr := sftpconn.Attr{Valid: sftpconn.AttrAll, Mode: syscall.S_IFREG | 0o644, Size: 100}
		entries = append(entries, sftpconn.DirEntry{Name: fmt.Sprintf("f%d", i), Attr: attr})
	}
	names.LearnListing("/d", names.Asking(), entries, false)

	for i := range fewAgain {
		ws.history.opened(fmt.Sprintf("/d/f%d", i), sftpconn.Attr{})
	}
	for i := range onceMore + 1 {
		ws.history.opened(fmt.Sprintf("/elsewhere/%d", i), sftpconn.Attr{})
	}
	ws.Opens("/d/f0")
	ws.Opens("/d/f1")
	assert.Len(t, ws.all, 1)
	own := ws.all[0]
	for len(ws.all) < mostWalks {
		ws.add(known.File)
	}
	ahead, _ := ws.Opens("/d/f2")
	assert.NotNil(t, ahead, "f2 was not expected")
	assert.NotContains(t, ws.all, own, "the oldest walk is still there")
}

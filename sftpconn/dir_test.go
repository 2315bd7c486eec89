package sftpconn

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"

	sshfx "github.com/pkg/sftp/v2/encoding/ssh/filexfer"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// listingServer answers the nth READDIR, from 0 on, with what batch returns, and
// with the end of the directory where that is nil.
func listingServer(asked *atomic.Int64, batch func(n int64) []string) *fakeServer {
	return newFakeServer(func(_ int, req sshfx.Packet) sshfx.Packet {
		switch req.(type) {
		case *sshfx.OpenDirPacket:
			return &sshfx.HandlePacket{Handle: "d"}
		case *sshfx.ReadDirPacket:
			names := batch(asked.Add(1) - 1)
			if names == nil {
				return status(StatusEOF)
			}
			p := &sshfx.NamePacket{}
			for _, name := range names {
				p.Entries = append(p.Entries, &sshfx.NameEntry{Filename: name})
			}
			return p
		}
		return status(StatusOK)
	})
}

func fiveBatches(n int64) []string {
	if n == 5 {
		return nil
	}
	return []string{fmt.Sprint("a", n), fmt.Sprint("b", n)}
}

func TestSyncReadDirAsksForOnePartAtATime(t *testing.T) {
	var asked atomic.Int64
	c := listingServer(&asked, fiveBatches).connect(t, Options{SyncReadDir: true})
	entries, err := c.ReadDir(t.Context(), "/d")
	require.NoError(t, err)
	assert.Len(t, entries, 10)
	assert.EqualValues(t, 6, asked.Load(), "none was under way behind the end")
}

func TestListingWithoutEnd(t *testing.T) {
	for name, batch := range map[string]func(n int64) []string{
		"the first batch again": func(n int64) []string { return []string{"a", "b", fmt.Sprint(n % 3)} },
		"nothing":               func(int64) []string { return []string{} },
	} {
		t.Run(name, func(t *testing.T) {
			var asked atomic.Int64
			_, err := listingServer(&asked, batch).connect(t, Options{}).ReadDir(t.Context(), "/d")
			require.ErrorIs(t, err, ErrProtocol)
			assert.ErrorContains(t, err, `lists "/d" for ever`)
		})
	}
}

// What several listings take together is bounded, while they are under way.
func TestListingsAreBounded(t *testing.T) {
	batch := make([]DirEntry, 5000)
	for i := range batch {
		batch[i].Name = strings.Repeat("x", 255)
	}
	var all atomic.Int64
	lists := [2]listing{{all: &all}, {all: &all}}
	grow := func() {
		for n := range 2 * maxListings / len(batch) / 255 {
			batch[0].Name = fmt.Sprint(n)
			if !lists[n%2].add(batch) {
				return
			}
		}
		require.Fail(t, "they grow for ever")
	}
	grow()
	assert.Less(t, (len(lists[0].entries)+len(lists[1].entries))*255, maxListings)
	lists[0].end(slog.New(slog.DiscardHandler))
	assert.True(t, lists[1].add(batch), "there is room again")
	lists[1].end(slog.New(slog.DiscardHandler))
	assert.Zero(t, all.Load())
}

// A server that lists nothing but nonsense does not fill the log.
func TestImpossibleNamesAreLoggedOnce(t *testing.T) {
	var log bytes.Buffer
	var asked atomic.Int64
	s := listingServer(&asked, func(n int64) []string {
		if n == 3 {
			return nil
		}
		return []string{"a/b", "..\x00", fmt.Sprint("good", n)}
	})
	entries, err := s.connect(t, Options{Logger: slog.New(slog.NewTextHandler(&log, nil))}).ReadDir(t.Context(), "/d")
	require.NoError(t, err)
	assert.Len(t, entries, 3)
	assert.Equal(t, 1, strings.Count(log.String(), "\n"), log.String())
	assert.Contains(t, log.String(), `directory=/d names=6 first=a/b`)
}

package sftpconn

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	sshfx "github.com/pkg/sftp/v2/encoding/ssh/filexfer"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// handleTable gives out handles: as OpenSSH does, or in other ways that begin alike.
type handleTable struct {
	once    bool // each one
	swapped bool // and the second of two before the first

	mu     sync.Mutex
	free   []string
	next   uint32
	paths  map[string]string // of the open ones
	listed map[string]int    // names told of the open folders
	reads  int
}

func (h *handleTable) answer(_ int, req sshfx.Packet) sshfx.Packet {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch req := req.(type) {
	case *sshfx.OpenPacket:
		return h.open(req.Filename)
	case *sshfx.OpenDirPacket:
		return h.open(req.Path)
	case *sshfx.ClosePacket:
		delete(h.paths, req.Handle)
		delete(h.listed, req.Handle)
		if !h.once {
			h.free = append(h.free, req.Handle)
		}
		return status(StatusOK)
	case *sshfx.StatPacket:
		return attrsPacket(regular, len(contentOf(req.Path)))
	case *sshfx.FStatPacket:
		return attrsPacket(regular, len(contentOf(h.paths[req.Handle])))
	case *sshfx.ReadPacket:
		h.reads++
		content := contentOf(h.paths[req.Handle])
		if h.paths[req.Handle] == "" {
			return status(StatusFailure)
		}
		if req.Offset >= uint64(len(content)) {
			return status(StatusEOF)
		}
		content = content[req.Offset:]
		return &sshfx.DataPacket{Data: []byte(content[:min(len(content), int(req.Length))])}
	case *sshfx.ReadDirPacket:
		h.reads++
		if h.paths[req.Handle] == "" {
			return status(StatusFailure)
		}
		names := namesIn(h.paths[req.Handle])
		at := h.listed[req.Handle]
		if at == len(names) {
			return status(StatusEOF)
		}
		h.listed[req.Handle]++
		return &sshfx.NamePacket{Entries: []*sshfx.NameEntry{{Filename: names[at]}}}
	}
	return status(StatusFailure)
}

func (h *handleTable) open(path string) sshfx.Packet {
	if strings.HasPrefix(path, "/absent") {
		return status(StatusNoSuchFile)
	}
	var id string
	if last := len(h.free) - 1; last >= 0 {
		id, h.free = h.free[last], h.free[:last]
	} else {
		n := h.next
		if h.swapped && n > 0 {
			n = (n - 1) ^ 1 + 1
		}
		id = string(binary.BigEndian.AppendUint32(nil, n))
		h.next++
	}
	h.paths[id] = path
	return &sshfx.HandlePacket{Handle: id}
}

func (h *handleTable) readCount() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.reads
}

func contentOf(path string) string { return "what is in " + path }

// namesIn returns what a folder holds: a few names of its own.
func namesIn(path string) (names []string) {
	for i := range 3 {
		names = append(names, fmt.Sprintf("%s %d", strings.ReplaceAll(path, "/", "-"), i))
	}
	return names
}

const tripDelay = 100 * time.Millisecond

// throughTable returns a Conn to a server with such handles.
func throughTable(t *testing.T, table *handleTable) *Conn {
	table.paths, table.listed = map[string]string{}, map[string]int{}
	s := newFakeServer(table.answer)
	s.delay = tripDelay
	return s.connect(t, Options{})
}

// readSmall opens a file, reads it to its end and closes it.
func readSmall(ctx context.Context, t *testing.T, c *Conn, path string) {
	size := len(contentOf(path))
	f, _, err := c.Open(Sized(ctx, int64(size)), path, Read, 0)
	if !assert.NoError(t, err) {
		return
	}
	p := make([]byte, size)
	ctx = Prompt(ctx)
	n, err := f.ReadAt(ctx, p, 0)
	assert.NoError(t, err)
	assert.Equal(t, contentOf(path), string(p[:n]))
	n, err = f.ReadAt(ctx, p, int64(size))
	assert.Zero(t, n)
	assert.ErrorIs(t, err, io.EOF)
	assert.NoError(t, f.Close(ctx))
}

func TestSmallFileIsReadWithItsOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := throughTable(t, &handleTable{})
		readSmall(t.Context(), t, c, "/first")
		for i := range 10 {
			begun := time.Now()
			readSmall(t.Context(), t, c, fmt.Sprintf("/%d", i))
			assert.Equal(t, tripDelay, time.Since(begun), "one round trip")
		}
	})
}

// listSmall lists a folder.
func listSmall(ctx context.Context, t *testing.T, c *Conn, path string) {
	entries, err := c.ReadDir(ctx, path)
	assert.NoError(t, err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name)
	}
	assert.Equal(t, namesIn(path), names)
}

func TestFolderIsListedWithItsOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := throughTable(t, &handleTable{})
		listSmall(t.Context(), t, c, "/first")
		begun := time.Now()
		var all sync.WaitGroup
		for i := range 10 {
			all.Go(func() { listSmall(t.Context(), t, c, fmt.Sprintf("/%d", i)) })
		}
		all.Wait()
		assert.Equal(t, tripDelay, time.Since(begun), "one round trip")
	})
}

// The handles of a channel that is opened later are foretold from the first one on.
func TestFilesAheadAreReadWithTheirOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := throughTable(t, &handleTable{})
		listSmall(t.Context(), t, c, "/first")
		c.prepare(1)
		time.Sleep(time.Second)
		begun := time.Now()
		var all sync.WaitGroup
		for i := range 10 {
			path := fmt.Sprintf("/%d", i)
			all.Go(func() { readSmall(Ahead(t.Context(), int64(len(contentOf(path)))), t, c, path) })
		}
		all.Wait()
		assert.Equal(t, tripDelay, time.Since(begun), "one round trip")
	})
}

// Of a server that gives out each handle once, nothing is foretold for long.
func TestHandlesThatAreNotForetold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table := &handleTable{once: true}
		c := throughTable(t, table)
		const files = 100
		for i := range files {
			readSmall(t.Context(), t, c, fmt.Sprintf("/%d", i))
		}
		assert.LessOrEqual(t, table.readCount(), 2*files+2)
	})
}

// Whatever else goes on, each file has its own content, and each folder its own names:
// the handle of a file that is not there goes to the next one, and a server that is not
// an OpenSSH may give out any.
func TestForetoldHandlesAreChecked(t *testing.T) {
	for name, table := range map[string]*handleTable{
		"OpenSSH": {},
		"once":    {once: true},
		"swapped": {once: true, swapped: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { testHandlesAreChecked(t, table) })
		})
	}
}

func testHandlesAreChecked(t *testing.T, table *handleTable) {
	c := throughTable(t, table)
	listSmall(t.Context(), t, c, "/first")
	var all sync.WaitGroup
	for program := range 8 {
		all.Go(func() {
			random := rand.New(rand.NewPCG(uint64(program), 1))
			for i := range 100 {
				path := fmt.Sprintf("/%d of %d", i, program)
				switch random.IntN(5) {
				case 0:
					_, _, err := c.Open(Sized(t.Context(), 20), "/absent"+path, Read, 0)
					assert.Error(t, err)
				case 1:
					listSmall(t.Context(), t, c, path)
				case 2:
					ctx, cancel := context.WithTimeout(t.Context(), tripDelay/2)
					_, _, err := c.Open(Sized(ctx, 20), path, Read, 0)
					assert.Error(t, err)
					cancel()
				default:
					readSmall(t.Context(), t, c, path)
				}
				time.Sleep(time.Duration(random.IntN(3)) * tripDelay / 3)
			}
		})
	}
	all.Wait()
	time.Sleep(time.Second)
	table.mu.Lock()
	defer table.mu.Unlock()
	assert.Empty(t, table.paths, "all is closed")
}

// A file that has grown since its size was known is read on.
func TestGrownFileIsReadOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := throughTable(t, &handleTable{})
		readSmall(t.Context(), t, c, "/first")
		f, _, err := c.Open(Sized(t.Context(), 5), "/grown", Read, 0)
		require.NoError(t, err)
		p := make([]byte, 100)
		prompt := Prompt(t.Context())
		n, err := f.ReadAt(prompt, p[:5], 0)
		require.NoError(t, err)
		m, err := f.ReadAt(prompt, p[n:], int64(n))
		assert.ErrorIs(t, err, io.EOF)
		assert.Equal(t, contentOf("/grown"), string(p[:n+m]))
		require.NoError(t, f.Close(t.Context()))
	})
}

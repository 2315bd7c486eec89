package sftpconn

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync/atomic"

	sshfx "github.com/pkg/sftp/v2/encoding/ssh/filexfer"
)

// ReadDir implements [FS].
func (c *Conn) ReadDir(ctx context.Context, path string) ([]DirEntry, error) {
	entries, err := c.list(ctx, path, !c.opts.SyncReadDir)
	if errors.Is(err, errForetold) {
		return c.list(ctx, path, false)
	}
	return entries, err
}

// errForetold is the error of a listing whose names were asked for with a handle that was
// foretold, if the server gave out another one, or refused to read with it. The listing
// is made anew: of a server that is not what it was taken for, names may have gone to
// another listing.
var errForetold = errors.New("the handle was foretold in vain")

// list lists a directory, promptly with the handle that is foretold, if one is.
//
// OpenSSH answers a READDIR with 100 names, so many are kept under way, the more the
// longer the directory turns out to be. Those behind the end cost a few bytes each.
func (c *Conn) list(ctx context.Context, path string, promptly bool) ([]DirEntry, error) {
	open := c.startOpenDir(path)
	var under []*call
	dir := handle{c.meta, open.effect.foretold}
	if promptly = promptly && dir.id != ""; promptly {
		under = dir.startReadDirs(path, nil, firstReadDirs)
	}
	dir, err := awaitHandle(ctx, open)
	if err != nil {
		return nil, err
	}
	defer dir.close(path)
	if promptly && dir.id != open.effect.foretold {
		return nil, errForetold
	}

	list := listing{path: path, all: &c.listed}
	defer list.end(c.opts.Logger)
	window, most := firstReadDirs, mostReadDirs
	if c.opts.SyncReadDir {
		window, most = 1, 1
	}
	for idle := 0; idle < mostIdle; idle++ {
		under = dir.startReadDirs(path, under, window)
		next := under[0]
		under = under[1:]
		if err := next.wait(ctx); err != nil {
			return nil, err
		}
		batch, err := next.names(list.leaveOut)
		next.release()
		switch _, refused := errors.AsType[*StatusError](err); {
		case errors.Is(err, io.EOF):
			return list.entries, nil
		case refused && promptly:
			return nil, errForetold
		case err != nil:
			return nil, err
		}
		if len(batch) > 0 {
			idle = 0
		}
		if !list.add(batch) {
			return nil, endless(path)
		}
		window = min(window+1, most)
	}
	return nil, endless(path)
}

// startReadDirs adds to those under way until there are n.
func (h handle) startReadDirs(path string, under []*call, n int) []*call {
	for len(under) < n {
		under = append(under, h.ch.start("READDIR", path, &sshfx.ReadDirPacket{Handle: h.id}))
	}
	return under
}

func endless(path string) error {
	return fmt.Errorf("%w: it lists %q for ever", ErrProtocol, path)
}

const (
	firstReadDirs = 8         // READDIR requests under way at first
	mostReadDirs  = 128       // and at most
	maxListings   = 256 << 20 // bytes that the names of all listings under way may take
	entryBytes    = 64        // that an entry takes besides its name
	mostIdle      = 1000      // replies in a row without a name
)

// listing is what a directory has told so far.
type listing struct {
	path       string
	entries    []DirEntry
	bytes      int64         // that entries take
	all        *atomic.Int64 // bytes that all listings take
	first      int           // entries of the first batch
	leftOut    int           // names that cannot be
	badExample string
}

// add takes a batch. It is false for a directory that will not end: it grows
// beyond all bounds, maybe together with others, or tells its first batch again.
func (l *listing) add(batch []DirEntry) bool {
	if len(l.entries) > 0 && slices.EqualFunc(batch, l.entries[:l.first], sameName) {
		return false
	}
	if len(l.entries) == 0 {
		l.first = len(batch)
	}
	grown := int64(0)
	for _, e := range batch {
		grown += int64(entryBytes + len(e.Name))
	}
	l.bytes += grown
	l.entries = append(l.entries, batch...)
	return l.all.Add(grown) <= maxListings
}

func sameName(a, b DirEntry) bool { return a.Name == b.Name }

func (l *listing) leaveOut(name string) {
	if l.leftOut == 0 {
		l.badExample = shorten(name)
	}
	l.leftOut++
}

// end logs once what a directory did wrong, however often it did.
func (l *listing) end(log *slog.Logger) {
	l.all.Add(-l.bytes)
	if l.leftOut > 0 {
		log.Warn("the server listed impossible names, which are left out",
			"directory", l.path, "names", l.leftOut, "first", l.badExample)
	}
}

// HoldDir keeps a directory open on the server until release is called.
func (c *Conn) HoldDir(ctx context.Context, path string) (release func(), err error) {
	dir, err := awaitHandle(ctx, c.startOpenDir(path))
	if err != nil {
		return nil, err
	}
	return func() { dir.close(path) }, nil
}

func (c *Conn) startOpenDir(path string) *call {
	return c.meta.start("OPENDIR", path, &sshfx.OpenDirPacket{Path: path})
}

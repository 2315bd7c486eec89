package sftpconn

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"

	sshfx "github.com/pkg/sftp/v2/encoding/ssh/filexfer"
)

// ReadDir implements [FS]. OpenSSH answers a READDIR with 100 names, so many
// are kept under way, the more the longer the directory turns out to be. Those
// behind the end cost a few bytes each.
func (c *Conn) ReadDir(ctx context.Context, path string) ([]DirEntry, error) {
	open := c.meta.start("OPENDIR", path, &sshfx.OpenDirPacket{Path: path})
	handle, err := c.awaitHandle(ctx, c.meta, open)
	if err != nil {
		return nil, err
	}
	defer c.meta.start("CLOSE", path, &sshfx.ClosePacket{Handle: handle})

	list := listing{path: path}
	defer list.complain(c.opts.Logger)
	var under []*call
	window, most := firstReadDirs, mostReadDirs
	if c.opts.SyncReadDir {
		window, most = 1, 1
	}
	for idle := 0; idle < mostIdle; idle++ {
		for len(under) < window {
			under = append(under, c.meta.start("READDIR", path, &sshfx.ReadDirPacket{Handle: handle}))
		}
		next := under[0]
		under = under[1:]
		if err := next.wait(ctx); err != nil {
			return nil, err
		}
		batch, err := next.names(list.leaveOut)
		next.release()
		if errors.Is(err, io.EOF) {
			return list.entries, nil
		}
		if err != nil {
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

func endless(path string) error {
	return fmt.Errorf("%w: it lists %q for ever", ErrProtocol, path)
}

const (
	firstReadDirs = 8         // READDIR requests under way at first
	mostReadDirs  = 128       // and at most
	maxListing    = 256 << 20 // bytes that a directory's names may take
	entryBytes    = 64        // that an entry takes besides its name
	mostIdle      = 1000      // replies in a row without a name
)

// listing is what a directory has told so far.
type listing struct {
	path       string
	entries    []DirEntry
	bytes      int // that entries take
	first      int // entries of the first batch
	leftOut    int // names that cannot be
	badExample string
}

// add takes a batch. It is false for a directory that will not end: it grows
// beyond all bounds, or tells its first batch again.
func (l *listing) add(batch []DirEntry) bool {
	if len(l.entries) > 0 && slices.EqualFunc(batch, l.entries[:l.first], sameName) {
		return false
	}
	if len(l.entries) == 0 {
		l.first = len(batch)
	}
	for _, e := range batch {
		l.bytes += entryBytes + len(e.Name)
	}
	l.entries = append(l.entries, batch...)
	return l.bytes <= maxListing
}

func sameName(a, b DirEntry) bool { return a.Name == b.Name }

func (l *listing) leaveOut(name string) {
	if l.leftOut == 0 {
		l.badExample = shorten(name)
	}
	l.leftOut++
}

// complain logs once what a directory did wrong, however often it did.
func (l *listing) complain(log *slog.Logger) {
	if l.leftOut > 0 {
		log.Warn("the server listed impossible names, which are left out",
			"directory", l.path, "names", l.leftOut, "first", l.badExample)
	}
}

// awaitHandle waits for the handle that open asks for. If ctx ends first, the
// handle is closed when it comes.
func (c *Conn) awaitHandle(ctx context.Context, ch *channel, open *call) (string, error) {
	if err := open.wait(ctx); err != nil {
		if ctx.Err() != nil {
			go func() { // ends at the latest with the channel
				<-open.done
				if open.err == nil {
					if handle, err := open.handle(); err == nil {
						ch.start("CLOSE", open.path, &sshfx.ClosePacket{Handle: handle})
					}
				}
			}()
		}
		return "", err
	}
	return open.handle()
}

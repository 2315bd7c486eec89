package sftpconn

import (
	"context"
	"errors"
	"fmt"
	"io"

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

	var entries []DirEntry
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
		batch, err := next.names(c.opts.Logger)
		next.release()
		if errors.Is(err, io.EOF) {
			return entries, nil
		}
		if err != nil {
			return nil, err
		}
		if len(batch) > 0 {
			idle = 0
		}
		entries = append(entries, batch...)
		if len(entries) > maxEntries {
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
	firstReadDirs = 8       // READDIR requests under way at first
	mostReadDirs  = 128     // and at most
	maxEntries    = 4 << 20 // names in a directory
	mostIdle      = 1000    // replies in a row without a name
)

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

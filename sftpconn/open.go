package sftpconn

import (
	"context"
	"errors"
	"syscall"

	sshfx "github.com/pkg/sftp/v2/encoding/ssh/filexfer"
)

// Open implements [FS].
//
// With Create but without Excl it first tries to create the file exclusively:
// only then is it known that the file is new, and that its permissions are ours
// to correct where the server's umask took some away.
func (c *Conn) Open(ctx context.Context, path string, flags OpenFlags, mode uint32) (File, Attr, error) {
	if flags&Create == 0 {
		return c.open(ctx, path, flags, mode)
	}
	f, attr, err := c.create(ctx, path, flags, mode)
	if status, ok := errors.AsType[*StatusError](err); ok && flags&Excl == 0 && status.Code == StatusFailure {
		return c.open(ctx, path, flags, mode)
	}
	return f, attr, err
}

// create opens a file that must not exist yet.
func (c *Conn) create(ctx context.Context, path string, flags OpenFlags, mode uint32) (File, Attr, error) {
	giving, first := c.startGiving(ctx, path), mode
	if giving != nil {
		first &^= setID // it must not be root's meanwhile
	}
	f, attr, err := c.open(ctx, path, flags|Excl, first)
	if err != nil {
		return nil, Attr{}, err
	}
	give, given := giving.change(ctx, attr)
	var changes pendings
	if given {
		changes = append(changes, f.SetAttr(give))
	}
	if fix, ok := unmasked(attr, mode, 0o777); ok || first != mode {
		fix.Attr = Attr{Valid: AttrMode, Mode: mode & 0o7777}
		changes = append(changes, f.SetAttr(fix))
	}
	if len(changes) == 0 {
		return f, attr, nil
	}
	attr, err = f.Attr(ctx)
	if err == nil {
		err = unlessRefused(changes.Wait(ctx))
		for range changes {
			_ = f.Flush(ctx) // which would tell of a refusal
		}
	}
	if err != nil {
		_ = f.Close(ctx)
		return nil, Attr{}, afterActing(err)
	}
	return f, attr, nil
}

// open opens a file. Where the server refuses to append, writes go to where they
// say that the end is.
func (c *Conn) open(ctx context.Context, path string, flags OpenFlags, mode uint32) (File, Attr, error) {
	if flags&Append == 0 || c.server.noAppend.Load() {
		return c.openAs(ctx, path, flags, flags&^Append, mode)
	}
	f, attr, err := c.openAs(ctx, path, flags, flags, mode)
	if err == nil || !mayLackAppend(err, flags) {
		return f, attr, err
	}
	f, attr, plainErr := c.openAs(ctx, path, flags, flags&^Append, mode)
	if plainErr != nil {
		return nil, Attr{}, err
	}
	if !c.server.noAppend.Swap(true) {
		c.opts.Logger.Info("the server cannot append: what others append at the same time may be overwritten", "path", path)
	}
	return f, attr, nil
}

// mayLackAppend reports whether err, of an OPEN with flags, may come from Append.
// A new file that is there already fails with the same code as anything.
func mayLackAppend(err error, flags OpenFlags) bool {
	status, ok := errors.AsType[*StatusError](err)
	return ok && (status.Code == StatusOpUnsupported || status.Code == StatusFailure && flags&Excl == 0)
}

// openAs sends OPEN and STAT together. wire are the flags that the server is
// told.
func (c *Conn) openAs(ctx context.Context, path string, flags, wire OpenFlags, mode uint32) (File, Attr, error) {
	// A writer's data would delay metadata; a reader moves on to the bulk
	// channels when it turns out to read much.
	ch, due, size := c.meta, int64(0), int64(0)
	if n, ahead := aheadIn(ctx); ahead && flags == Read {
		ch, due, size = c.aheadChannel(n), n, n
	} else if flags&Write != 0 {
		ch = c.bulkChannel()
	} else {
		c.keep(ch)
		if size = sizedIn(ctx); size > window {
			c.prepare(min(channelsFor(size), c.wantedBulk()))
		}
	}
	if c.opts.Quirks.NoCreateMode {
		mode = 0 // create puts it right
	}
	attrs := SetAttr{Attr: Attr{Valid: AttrMode, Mode: mode}}.encode()
	if flags&Create == 0 {
		attrs = sshfx.Attributes{}
	}
	open := ch.start("OPEN", path, &sshfx.OpenPacket{Filename: path, PFlags: uint32(wire), Attrs: attrs})
	stat := ch.start("STAT", path, &sshfx.StatPacket{Path: path})
	early := c.startPrompt(open, size)
	if early.data != nil { // what was due is under way
		ch.load.due.Add(-due)
		due = 0
	}
	h, err := awaitHandle(ctx, open)
	if err != nil {
		ch.load.due.Add(-due)
		c.letGo(ch)
		return nil, Attr{}, err
	}
	f := &file{conn: c, path: path, flags: flags, handles: []handle{h}, reading: reading{due: due}}
	if h.id == open.effect.foretold {
		f.reading.prompt = early
	}
	f.changes.spread.stripe = int64(stripePackets * c.server.limits.write)
	attr, err := awaitAttr(ctx, stat)
	if _, ok := errors.AsType[*StatusError](err); ok { // removed or renamed since
		attr, err = f.Attr(ctx)
	}
	if err == nil && attr.IsDir() { // which open(2) allows for reading
		err = syscall.EISDIR
	}
	if err != nil {
		_ = f.Close(ctx)
		return nil, Attr{}, afterActing(err)
	}
	f.size = int64(attr.Size)
	return f, attr, nil
}

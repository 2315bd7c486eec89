package cache

import (
	"context"

	"sftpmount/cache/internal/known"
	"sftpmount/sftpconn"
)

// What is answered before it is carried out (AsyncClose) has to be sure: what it
// is about is known, and we have the right to do it. The rest waits.

// expectation is what the file at a path is going to be when all is carried out
// that was asked for at a time.
type expectation struct {
	path  string
	attr  sftpconn.Attr
	known bool
	asked known.Asked
}

// expected returns what is expected of the file at path.
func (f *FS) expected(path string) expectation {
	f.mu.Lock()
	attr, v := f.names.Lookup(path)
	c := f.opens.at(path)
	e := expectation{path, attr, v == known.Present && attr.Valid == sftpconn.AttrAll, f.names.Asking()}
	f.mu.Unlock()
	if v == known.Unknown {
		e.attr, e.known = c.foreseen()
	}
	return e
}

// holds reports whether that is still so: another program may have given the name
// to another file since. f.mu is held.
func (f *FS) holds(e expectation) bool { return e.known && !f.names.Overtaken(e.path, e.asked) }

// delivery is what has been written to a content, which may be nil, so far.
type delivery struct {
	content *content
	last    *op // nil if there is nothing left to wait for
}

// delivery returns what has been written to the file at path.
func (f *FS) delivery(path string) delivery {
	f.mu.Lock()
	c := f.opens.at(path)
	f.mu.Unlock()
	if c == nil {
		return delivery{}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return delivery{c, c.queue.newest()}
}

// await waits until all of it is on the server. If some of it is lost with nobody
// told, that is its error.
func (d delivery) await(ctx context.Context) error {
	c := d.content
	if c == nil {
		return nil
	}
	if d.last != nil {
		c.push()
		if err := c.fs.backlog.await(ctx, d.last.done); err != nil {
			return err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.failure.untold
}

// sure reports whether the server is bound to change a file as set says.
func (f *FS) sure(attr sftpconn.Attr, set sftpconn.SetAttr) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.isSure(attr, set)
}

// isSure is sure with f.mu held.
func (f *FS) isSure(attr sftpconn.Attr, set sftpconn.SetAttr) bool {
	return f.names.MaySet(attr, set) || f.errands != nil && f.names.MayGive(attr, set)
}

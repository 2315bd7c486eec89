package sftpconn

import (
	"context"
	"errors"
	"io"
	"slices"

	sshfx "github.com/pkg/sftp/v2/encoding/ssh/filexfer"
)

// foretelling tells which handle a server is going to give out. OpenSSH takes the one
// that was closed last (handle_new in sftp-server.c), so that what is read of a small
// file can be asked for behind its OPEN, in the same round trip. What comes then counts
// only if the reply to OPEN names that handle; a server that names another one too
// often is not foretold any more.
//
// It is guarded by channel.mu, as is the order of requests.
type foretelling struct {
	closed []string // handles, the one closed last at the end
	wrong  int      // guesses, less those that were right
}

// maxWrong is how many more guesses may be wrong than right.
const maxWrong = 8

// begin takes in that a request is queued, and returns the handle that it is going to
// be answered with, if that is known.
func (f *foretelling) begin(req request) (handle string) {
	if f.wrong > maxWrong {
		return ""
	}
	switch req := req.(type) {
	case *sshfx.ClosePacket:
		f.closed = append(f.closed, req.Handle)
	case *sshfx.OpenPacket, *sshfx.OpenDirPacket:
		if last := len(f.closed) - 1; last >= 0 {
			handle, f.closed = f.closed[last], f.closed[:last]
		}
	}
	return handle
}

// end takes in what an OPEN or OPENDIR was answered with, "" if it was refused.
func (f *foretelling) end(foretold, handle string) {
	switch {
	case foretold == "" && !slices.Contains(f.closed, handle):
	case handle == "":
		f.closed = append(f.closed, foretold)
	case foretold == handle:
		f.wrong = max(0, f.wrong-1)
	default:
		f.wrong++
		f.closed = nil
	}
}

// opened takes in what an OPEN or OPENDIR was answered with (see foretelling.end).
func (ch *channel) opened(foretold, handle string) {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	ch.future.end(foretold, handle)
}

// maxPrompt is the size up to which a file is read together with its OPEN, in bytes.
const maxPrompt = 128 << 10

// prompt is the content of a small file, asked for before its handle was known.
type prompt struct {
	size int64
	data *call // nil if there is none, or it was taken
	end  *call // of what may be behind
}

// startPrompt asks for the n bytes of the file that open is going to open, if the server
// is an OpenSSH of these days, by its extensions.
func (c *Conn) startPrompt(open *call, n int64) prompt {
	if open.foretold == "" || !c.has(extLimits) || n <= 0 || n > min(maxPrompt, int64(c.limits.read)) {
		return prompt{}
	}
	h := handle{open.ch, open.foretold}
	return prompt{n, h.startRead(open.path, 0, int(n)), h.startRead(open.path, n, 1)}
}

// takePrompt returns the request for n bytes at off, if it was made with the OPEN.
func (f *file) takePrompt(off int64, n int) *call {
	f.mu.Lock()
	defer f.mu.Unlock()
	data := f.prompt.data
	if off != 0 || int64(n) != f.prompt.size {
		return nil
	}
	f.prompt.data = nil
	return data
}

// endsAt reports whether the file is known to end at off, by what was asked with the
// OPEN.
func (f *file) endsAt(ctx context.Context, off int64) bool {
	f.mu.Lock()
	end := f.prompt.end
	if off != f.prompt.size {
		end = nil
	}
	if end != nil {
		f.prompt.end = nil
	}
	f.mu.Unlock()
	if end == nil || end.wait(ctx) != nil {
		return false
	}
	_, err := end.data(1)
	return errors.Is(err, io.EOF)
}

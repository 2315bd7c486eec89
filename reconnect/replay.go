package reconnect

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"time"

	"sftpmount/sftpconn"
)

// operation is a row of replayTable.
type operation int

const (
	opLstat operation = iota
	opStat
	opReadDir
	opReadlink
	opStatVFS
	opRealPath
	opReadAt
	opFileAttr
	opSync
	opCopy
	opSetAttr
	opFileSetAttr
	opWrite
	opAppend
	opOpen
	opCreateExcl
	opMkdir
	opRemove
	opRmdir
	opRename
	opSymlink
	opLink
	opClose
	operations // how many there are
)

// action is what is done with an operation whose reply was outstanding when the
// connection ended (sftpconn.ErrLost).
type action int

const (
	again   action = iota // send again: what the repeat answers is the answer
	look                  // send again: if the repeat fails, look whether the first was carried out
	unsure                // like look, but where looking does not show it, EIO
	measure               // send again what the file's size says is missing
	forget                // nothing
)

// policy says what happens to an operation, and why.
type policy struct {
	name   string
	action action
	why    string
}

// replayTable is the whole of what this package does about lost replies. A
// request that never reached the connection (sftpconn.ErrNotSent) is sent again
// whatever its row says.
var replayTable = [operations]policy{
	opLstat:       {"LSTAT", again, "changes nothing"},
	opStat:        {"STAT", again, "changes nothing"},
	opReadDir:     {"READDIR", again, "changes nothing; the listing starts over"},
	opReadlink:    {"READLINK", again, "changes nothing"},
	opStatVFS:     {"STATVFS", again, "changes nothing"},
	opRealPath:    {"REALPATH", again, "changes nothing"},
	opReadAt:      {"READ", again, "changes nothing; the file is opened again"},
	opFileAttr:    {"FSTAT", again, "changes nothing; the file is opened again"},
	opSync:        {"FSYNC", again, "covers the file, whichever handle wrote to it"},
	opCopy:        {"COPY-DATA", again, "puts the same bytes at the same offset; both files are opened again"},
	opSetAttr:     {"SETSTAT", again, "sets absolute values"},
	opFileSetAttr: {"FSETSTAT", again, "sets absolute values, in order with the file's writes"},
	opWrite:       {"WRITE", again, "puts the same bytes at the same offset, in order with the file's other writes"},
	opAppend:      {"WRITE (append)", measure, "a repeat would append twice; the size tells how much arrived"},
	opOpen:        {"OPEN", again, "finds the file that the first made, and nothing was written to it yet"},
	opCreateExcl:  {"OPEN (exclusive)", unsure, "done if the file there carries our mark; a lock must not be claimed twice"},
	opMkdir:       {"MKDIR", look, "done if there is an empty directory now"},
	opRemove:      {"REMOVE", look, "done if nothing has that name now"},
	opRmdir:       {"RMDIR", look, "done if nothing has that name now"},
	opRename:      {"RENAME", look, "done if the old name is gone and the new one is there"},
	opSymlink:     {"SYMLINK", look, "done if there is a link now that reads the same"},
	opLink:        {"LINK", look, "done if the new name is there and looks like the old one"},
	opClose:       {"CLOSE", forget, "the server closes the handles of a connection with it"},
}

// ended reports whether err says that the connection ended, and with it the
// request.
func ended(err error) bool {
	return errors.Is(err, sftpconn.ErrNotSent) || errors.Is(err, sftpconn.ErrLost)
}

// unfinished reports whether err leaves the outcome of a request open.
func unfinished(err error) bool {
	return ended(err) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// run carries out an operation on the current connection, and on the next one
// for as long as connections end under it. judge is asked whether the operation
// was carried out although its repeat failed, where replayTable says look: it
// returns a nil error if so.
func run[T any](ctx context.Context, s *supervisor, op operation,
	do func(*link) (T, error), judge func() (T, error)) (T, error) {
	var none T
	var lost losses
	after := 0
	for {
		l, err := s.acquire(ctx, after)
		if err != nil {
			return none, err
		}
		v, err := do(l)
		if !ended(err) {
			if err == nil || lost.replies == 0 || unfinished(err) {
				return v, err
			}
			return judged(op, v, err, judge)
		}
		if err := lost.add(s, op, err); err != nil {
			return none, err
		}
		retire(ctx, l)
		after = l.number
	}
}

// judged decides about the failure of a repeat.
func judged[T any](op operation, v T, err error, judge func() (T, error)) (T, error) {
	switch replayTable[op].action {
	case look:
		if found, lookErr := judge(); lookErr == nil {
			return found, nil
		}
	case unsure:
		if found, lookErr := judge(); lookErr == nil {
			return found, nil
		}
		// These two cannot come from what the first request did.
		if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission) {
			err = fmt.Errorf("%w: the connection was lost during %s, and whether it was carried out cannot be told: %w",
				syscall.EIO, replayTable[op].name, err)
		}
	}
	return v, err
}

// losses counts what happened to one operation.
type losses struct {
	replies int
	first   time.Time
}

// maxLosses is how many replies to an operation may be lost before it is taken
// to be the operation that ends the connections, if that also went on for longer
// than Options.Timeout.
const maxLosses = 10

func (n *losses) add(s *supervisor, op operation, err error) error {
	if !errors.Is(err, sftpconn.ErrLost) {
		return nil
	}
	if n.replies == 0 {
		n.first = time.Now()
	}
	n.replies++
	if s.opts.Hard || n.replies < maxLosses || time.Since(n.first) < s.opts.Timeout {
		return nil
	}
	return fmt.Errorf("%w: the connection was lost %d times during %s", syscall.ETIMEDOUT, n.replies, replayTable[op].name)
}

// retireTimeout is how long a connection that failed a request may take to end
// by itself.
const retireTimeout = time.Second

// retire sees to it that a connection which failed a request is not used again.
func retire(ctx context.Context, l *link) {
	timer := time.NewTimer(retireTimeout)
	defer timer.Stop()
	select {
	case <-l.Done():
	case <-ctx.Done():
	case <-timer.C:
		_ = l.Close()
	}
}

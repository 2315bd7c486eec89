// Package audit writes a line for every change that programs make through a
// mount, and for each that failed.
package audit

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"syscall"
	"time"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"sftpmount/fusefs"
	"sftpmount/sftpconn"
)

// Log is a [fusefs.Observer] that writes lines of JSON.
//
// What a program writes to a file makes one line for each flush, fsync or
// release, which tells whether the server has it; a write that fails makes one
// of its own.
type Log struct {
	out io.Writer
	log *slog.Logger

	mu      sync.Mutex
	written map[uint64]writer // by open file, since the last line
	lost    uint64            // lines that could not be written
}

// writer is who wrote to an open file last, and how much was written through it.
type writer struct {
	uid, pid uint32
	bytes    int64
}

// New returns a Log that writes each line to out in one go. log is told if that
// fails; the change has been made all the same.
func New(out io.Writer, log *slog.Logger) *Log {
	return &Log{out: out, log: log, written: make(map[uint64]writer)}
}

// line is a change. Paths are those on the server.
type line struct {
	Time      time.Time      `json:"time"`
	UID       uint32         `json:"uid"`
	PID       uint32         `json:"pid"`
	Operation string         `json:"operation"`
	Path      string         `json:"path"`
	PathBytes []byte         `json:"path_bytes,omitempty"` // if Path is not UTF-8
	To        string         `json:"to,omitempty"`
	ToBytes   []byte         `json:"to_bytes,omitempty"`
	Target    string         `json:"target,omitempty"`
	Set       map[string]any `json:"set,omitempty"`
	Bytes     int64          `json:"bytes,omitempty"`
	Result    string         `json:"result"`
}

// Begin implements [fusefs.Observer].
func (*Log) Begin(*fusefs.Request) {}

// End implements [fusefs.Observer].
func (l *Log) End(r *fusefs.Request) {
	switch r.Operation {
	case "mkdir", "mknod", "create", "unlink", "rmdir", "rename", "link", "symlink",
		"setattr", "fallocate", "copy_file_range":
		l.write(l.lineOf(r, r.Operation))
	case "open":
		if r.Flags&sftpconn.Truncate != 0 {
			l.write(l.lineOf(r, "truncate"))
		}
	case "write":
		if r.Errno != 0 {
			l.write(l.lineOf(r, "write"))
			return
		}
		l.mu.Lock()
		l.written[r.File] = writer{r.UID, r.PID, l.written[r.File].bytes + r.Bytes}
		l.mu.Unlock()
	case "flush", "fsync", "release":
		l.mu.Lock()
		w, wrote := l.written[r.File]
		delete(l.written, r.File)
		l.mu.Unlock()
		if wrote {
			change := l.lineOf(r, "write")
			change.UID, change.PID, change.Bytes = w.uid, w.pid, w.bytes
			l.write(change)
		}
	}
}

func (l *Log) lineOf(r *fusefs.Request, operation string) line {
	change := line{
		Time:      r.Began.Add(r.Took),
		UID:       r.UID,
		PID:       r.PID,
		Operation: operation,
		Path:      r.Path(),
		To:        r.NewPath(),
		Target:    r.Target,
		Set:       settings(&r.Set),
		Bytes:     r.Bytes,
		Result:    result(r.Errno),
	}
	if !utf8.ValidString(change.Path) {
		change.PathBytes = []byte(change.Path)
	}
	if !utf8.ValidString(change.To) {
		change.ToBytes = []byte(change.To)
	}
	return change
}

func result(errno syscall.Errno) string {
	if errno == 0 {
		return "ok"
	}
	return unix.ErrnoName(errno)
}

// settings are the attributes that set changes, or nil.
func settings(set *sftpconn.SetAttr) map[string]any {
	if set.Valid == 0 {
		return nil
	}
	m := make(map[string]any)
	if set.Valid&sftpconn.AttrSize != 0 {
		m["size"] = set.Size
	}
	if set.Valid&sftpconn.AttrMode != 0 {
		m["mode"] = fmt.Sprintf("%04o", set.Mode&0o7777)
	}
	if set.Valid&sftpconn.AttrOwners != 0 {
		m["uid"], m["gid"] = set.UID, set.GID
	}
	if set.Valid&sftpconn.AttrTimes != 0 {
		m["atime"], m["mtime"] = unixTime(set.Atime), unixTime(set.Mtime)
	}
	return m
}

func unixTime(seconds uint32) time.Time { return time.Unix(int64(seconds), 0).UTC() }

func (l *Log) write(change line) {
	text, err := json.Marshal(change)
	if err == nil {
		_, err = l.out.Write(append(text, '\n'))
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err == nil {
		l.lost = 0
		return
	}
	if l.lost++; l.lost&(l.lost-1) == 0 { // the first, second, fourth ... in a row
		l.log.Error("the audit log cannot be written", "err", err, "times", l.lost)
	}
}

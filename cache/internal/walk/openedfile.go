package walk

import (
	"time"

	"sftpmount/cache/internal/blocks"
	"sftpmount/cache/internal/known"
	"sftpmount/sftpconn"
)

const (
	// EarlyAge is how long what was fetched ahead is believed where it stands
	// for a question that a program asks later: that a file can be opened, and
	// what it is then.
	EarlyAge = time.Second

	// mostStart is how much of a file that is not small is read ahead before a
	// program comes to it, if the last such file was read to its end, in bytes.
	mostStart = 4 << 20
)

// OpenedFile is a file that was opened before its program asked for that.
type OpenedFile struct {
	File       sftpconn.File
	Attr       sftpconn.Attr
	Asked      known.Asked // when it was opened
	Told       time.Time   // when the server was asked last, and told the same
	Refreshing bool        // it is being asked again
}

// IsFresh reports whether it stands for what an open would find now.
func (o *OpenedFile) IsFresh() bool { return time.Since(o.Told) <= EarlyAge && o.Lasting() }

// ages reports whether the server should be asked again, so that a program that
// comes soon need not wait for that.
func (o *OpenedFile) ages(now time.Time) bool {
	return !o.Refreshing && o.Lasting() && now.Sub(o.Told) > EarlyAge/2
}

// Lasting reports whether a file that has the same attributes later is unchanged.
func (o *OpenedFile) Lasting() bool { return known.IsSure(o.Asked.Taken, o.Attr.Mtime) }

// Same reports whether attr is of the unchanged file.
func (o *OpenedFile) Same(attr sftpconn.Attr) bool {
	attr.Atime = o.Attr.Atime
	return attr == o.Attr
}

// aheadFile is what a step of kind file has to do with its file.
type aheadFile struct {
	whole  int64         // size of the file as it was listed, in bytes
	size   int64         // of what is read ahead, in bytes
	mtime  uint32        // as it was listed
	done   chan struct{} // closed when the file was opened, or could not be
	opened *OpenedFile
}

// aim says how much is to be read ahead. through says whether the last file that is
// not small was read to its end.
func (a *aheadFile) aim(through bool) {
	switch {
	case a.whole <= blocks.SmallFile:
		a.size = a.whole
	case through:
		a.size = min(a.whole, mostStart)
	default:
		a.size = blocks.Size // as of any file that is read on
	}
}

func (a *aheadFile) kib() int    { return int((a.size + 1023) >> 10) }
func (a *aheadFile) blocks() int { return int((a.size + blocks.Size - 1) / blocks.Size) }

// settled reports whether the file, opened now, could be believed later, see
// [OpenedFile.Lasting].
func (a *aheadFile) settled(now time.Time) bool { return known.IsSure(now, a.mtime) }

package cache

import (
	"log/slog"
	"time"

	"sftpmount/cache/internal/known"
	"sftpmount/cache/internal/walk"
)

// Options adjust an FS. The zero value means the defaults.
type Options struct {
	// AttrTimeout, DirTimeout and LinkTimeout are how long attributes,
	// listings and link targets are believed. 0 means 20 s, as with sshfs;
	// below 0 they are not remembered.
	AttrTimeout time.Duration
	DirTimeout  time.Duration
	LinkTimeout time.Duration

	// NegativeTimeout is how long a name is believed to be absent, be it that
	// the server said so or that a listing lacks it. 0 means 5 s; below 0 it
	// is not remembered.
	NegativeTimeout time.Duration

	// MaxEntries and MaxBytes bound what is remembered of names, listed ones
	// included; bytes are estimated. 0 means 400,000 and 64 MiB.
	MaxEntries int
	MaxBytes   int64

	// ReadAhead is how far ahead of a sequential reader is read, in bytes per
	// open file. 0 means 32 MiB.
	ReadAhead int64

	// ReadBuffer bounds what was read ahead of all readers, and apart from that what
	// was read around scattered reads, in bytes. 0 means 64 MiB.
	ReadBuffer int64

	// WriteBuffer bounds what was written and is not acknowledged, in bytes.
	// Writers that exceed it wait. 0 means 64 MiB.
	WriteBuffer int64

	// CloseTimeout is how long Close waits for what was written to be
	// acknowledged. 0 means 60 s, below 0 not at all.
	CloseTimeout time.Duration

	// AsyncClose is for building trees: creates, removes, renames, changes of
	// attributes and Flush are answered at once where the outcome is sure, and
	// carried out in order. Sync, SyncDir and Close wait for all of it.
	AsyncClose bool

	NoReadAhead bool // read and list what is asked for only

	// NoReadAround is for programs that read the same again and want it from the server,
	// since the kernel keeps nothing (direct_io).
	NoReadAround bool

	SyncWrites bool // a write is acknowledged before it is done (sshfs_sync)
	Disabled   bool // remember nothing about names (dir_cache=no)

	// Logger is told of writes that failed. nil means slog.Default().
	Logger *slog.Logger
}

func (o Options) withDefaults() Options {
	fill(&o.AttrTimeout, 20*time.Second)
	fill(&o.DirTimeout, 20*time.Second)
	fill(&o.LinkTimeout, 20*time.Second)
	fill(&o.NegativeTimeout, 5*time.Second)
	fill(&o.MaxEntries, 400_000)
	fill(&o.MaxBytes, 64<<20)
	fill(&o.ReadAhead, 32<<20)
	fill(&o.ReadBuffer, 64<<20)
	fill(&o.WriteBuffer, 64<<20)
	fill(&o.CloseTimeout, 60*time.Second)
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return o
}

func (o *Options) names() known.Options {
	return known.Options{
		AttrTimeout:     o.AttrTimeout,
		DirTimeout:      o.DirTimeout,
		LinkTimeout:     o.LinkTimeout,
		NegativeTimeout: o.NegativeTimeout,
		MaxEntries:      o.MaxEntries,
		MaxBytes:        o.MaxBytes,
		Disabled:        o.Disabled,
	}
}

// walks has no program followed if what is fetched ahead is not to be believed for a
// while.
func (o *Options) walks() walk.Options {
	return walk.Options{
		Off:        o.NoReadAhead || o.Disabled || min(o.DirTimeout, o.AttrTimeout) <= 0,
		DirTimeout: o.DirTimeout,
		ReadBuffer: o.ReadBuffer,
	}
}

// fill sets what was left zero to the default.
func fill[T comparable](option *T, value T) {
	var zero T
	if *option == zero {
		*option = value
	}
}

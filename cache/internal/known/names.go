package known

import (
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"sftpmount/cache/internal/pathname"
	"sftpmount/sftpconn"
)

// Options adjust names. Of a time below 0, what it is about is not remembered.
type Options struct {
	AttrTimeout time.Duration // how long attributes are believed
	DirTimeout  time.Duration // and listings
	LinkTimeout time.Duration // and link targets

	// NegativeTimeout is how long a name is believed to be absent, be it that
	// the server said so or that a listing lacks it.
	NegativeTimeout time.Duration

	// MaxEntries and MaxBytes bound what is remembered, listed names included; bytes
	// are estimated.
	MaxEntries int
	MaxBytes   int64

	Disabled bool // nothing is remembered
}

// Names is what is known of paths: an LRU with a deadline on each fact. It has no lock
// of its own: one caller at a time, but for Clock.
//
// A fact about a path may stand in its own entry and in its parent's listing;
// the one that was asked for later counts.
type Names struct {
	Gens   *Generations
	Links  *Links
	Moving Moving
	Clock  Clock
	maker  maker

	opts     Options
	lru      *simplelru.LRU[string, *entry]
	probed   probe
	doubtful map[string]struct{} // paths with writes that no answer accounts for yet

	count int   // entries and listed names
	bytes int64 // what they take, estimated
}

// probe is a name that the server said is absent, as a listing fetched ahead of that
// question did. Programs that are told of new names look for names that are there;
// while one looks for others, what such listings lack is believed to be absent.
type probe struct {
	path  string
	taken time.Time
}

// entryBytes estimates what an entry takes besides its strings and its listing.
const entryBytes = 320

// entry is what is known of one path.
type entry struct {
	attr    Fact[sftpconn.Attr] // of the path itself
	stat    Fact[sftpconn.Attr] // of what the symbolic link there leads to
	link    Fact[string]        // what it reads as
	absent  Fact[bool]
	listing *Listing
}

// Fact is a value that was asked for at a time. The zero value is unknown.
type Fact[V any] struct {
	Value V
	Taken time.Time
}

// Fresh reports whether the value is believed for that long.
func (k Fact[V]) Fresh(now time.Time, timeout time.Duration) bool {
	return !k.Taken.IsZero() && now.Sub(k.Taken) < timeout
}

// Verdict is what is known of a path's existence.
type Verdict int

// What can be known of it.
const (
	Unknown Verdict = iota
	Present
	Absent
)

// New returns what is known of paths at first: nothing.
func New(opts Options) *Names {
	n := &Names{
		opts:     opts,
		Gens:     NewGenerations(),
		Links:    newLinks(),
		Moving:   Moving{},
		doubtful: make(map[string]struct{}),
	}
	n.lru = newLRU(opts.MaxEntries, func(path string, e *entry) { n.weigh(path, e, -1) })
	return n
}

// Size returns how much is remembered: entries and listed names, and what they take, in
// bytes, estimated.
func (n *Names) Size() (count int, bytes int64) { return n.count, n.bytes }

// weigh adds (sign 1) or takes away (sign -1) what e counts.
func (n *Names) weigh(path string, e *entry, sign int) {
	count, bytes := 1, entryBytes+int64(len(path)+len(e.link.Value))
	if e.listing != nil {
		count += len(e.listing.Entries)
		bytes += e.listing.bytes
	}
	n.count += sign * count
	n.bytes += int64(sign) * bytes
}

// update changes the entry of path, which is made if there is none.
func (n *Names) update(path string, change func(*entry)) {
	if n.opts.Disabled {
		return
	}
	e, ok := n.lru.Get(path)
	if ok {
		n.weigh(path, e, -1)
	} else {
		e = &entry{}
	}
	change(e)
	n.weigh(path, e, 1)
	if !ok {
		n.lru.Add(path, e)
	}
	for n.lru.Len() > 0 && (n.count > n.opts.MaxEntries || n.bytes > n.opts.MaxBytes) {
		n.lru.RemoveOldest()
	}
}

// updateKnown is update for a path that has an entry.
func (n *Names) updateKnown(path string, change func(*entry)) {
	if n.lru.Contains(path) {
		n.update(path, change)
	}
}

// updateListing changes the listing of dir, if there is a fresh one.
func (n *Names) updateListing(dir string, change func(*Listing)) {
	if n.FreshListing(dir) != nil {
		n.update(dir, func(e *entry) { change(e.listing) })
	}
}

// FreshListing returns what dir holds, or nil if that is not known.
func (n *Names) FreshListing(dir string) *Listing {
	e, ok := n.lru.Get(dir)
	if !ok || e.listing == nil {
		return nil
	}
	if time.Since(e.listing.taken) >= n.opts.DirTimeout && !n.isOurs(e.listing) {
		return nil
	}
	return e.listing
}

// isWhole reports whether what l lacks is believed to be absent.
func (n *Names) isWhole(l *Listing) bool {
	if l.ahead && !n.isProbed() {
		return false
	}
	return time.Since(l.taken) < n.opts.NegativeTimeout || n.isOurs(l)
}

// isProbed reports whether listings fetched ahead are believed.
func (n *Names) isProbed() bool { return time.Since(n.probed.taken) < n.opts.NegativeTimeout }

// Ages reports whether l is soon too old to tell what is absent, or is already.
func (n *Names) Ages(l *Listing) bool {
	most := n.opts.NegativeTimeout
	return most > 0 && time.Since(l.taken) > most/2 && !n.isOurs(l)
}

// IsEmpty reports whether dir is believed to be empty.
func (n *Names) IsEmpty(dir string) bool {
	l := n.FreshListing(dir)
	return l != nil && !l.ahead && n.isWhole(l) && len(l.Entries) == 0
}

// isOurs reports whether l is of a directory that is being filled here.
func (n *Names) isOurs(l *Listing) bool {
	return l.made && time.Since(l.filled) < n.opts.NegativeTimeout
}

// Lookup returns the attributes of path itself, if they are known.
func (n *Names) Lookup(path string) (sftpconn.Attr, Verdict) {
	none := sftpconn.Attr{}
	if n.IsDoubtful(path) {
		return none, Unknown
	}
	e, ok := n.lru.Get(path)
	if !ok {
		e = &entry{}
	}
	now := time.Now()
	own := e.attr
	dir, name := pathname.Split(path)
	if l := n.FreshListing(dir); l != nil && l.taken.After(own.Taken) {
		attr, listed := l.get(name)
		age := now.Sub(l.taken)
		switch {
		case !listed && n.isWhole(l):
			return none, Absent
		case !listed:
			own = Fact[sftpconn.Attr]{}
		case attr.Valid == sftpconn.AttrAll && age < n.opts.AttrTimeout:
			return attr, Present
		}
	}
	switch {
	case own.Fresh(now, n.opts.AttrTimeout):
		return own.Value, Present
	case e.absent.Fresh(now, n.opts.NegativeTimeout):
		return none, Absent
	}
	return none, Unknown
}

// Exists reports whether path is known to exist, whatever its attributes.
func (n *Names) Exists(path string) bool {
	if _, v := n.Lookup(path); v != Unknown {
		return v == Present
	}
	dir, name := pathname.Split(path)
	if l := n.FreshListing(dir); l != nil {
		_, listed := l.get(name)
		return listed
	}
	return false
}

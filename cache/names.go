package cache

import (
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"sftpmount/sftpconn"
)

// namesOptions adjust names. Of a time below 0, what it is about is not remembered.
type namesOptions struct {
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

// names is what is known of paths: an LRU with a deadline on each fact. It is
// guarded by FS.mu.
//
// A fact about a path may stand in its own entry and in its parent's listing;
// the one that was asked for later counts.
type names struct {
	opts     namesOptions
	clock    clock
	lru      *simplelru.LRU[string, *entry]
	gens     *generations
	links    *links
	moving   moving
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
	attr    known[sftpconn.Attr] // of the path itself
	stat    known[sftpconn.Attr] // of what the symbolic link there leads to
	link    known[string]        // what it reads as
	absent  known[bool]
	listing *listing
}

// known is a value that was asked for at a time. The zero value is unknown.
type known[V any] struct {
	value V
	taken time.Time
}

func (k known[V]) fresh(now time.Time, timeout time.Duration) bool {
	return !k.taken.IsZero() && now.Sub(k.taken) < timeout
}

// verdict is what is known of a path's existence.
type verdict int

const (
	unknown verdict = iota
	present
	absent
)

func newNames(opts namesOptions) *names {
	n := &names{
		opts:     opts,
		gens:     newGenerations(),
		links:    newLinks(),
		moving:   moving{},
		doubtful: make(map[string]struct{}),
	}
	n.lru = newLRU(opts.MaxEntries, func(path string, e *entry) { n.weigh(path, e, -1) })
	return n
}

// weigh adds (sign 1) or takes away (sign -1) what e counts.
func (n *names) weigh(path string, e *entry, sign int) {
	count, bytes := 1, entryBytes+int64(len(path)+len(e.link.value))
	if e.listing != nil {
		count += len(e.listing.entries)
		bytes += e.listing.bytes
	}
	n.count += sign * count
	n.bytes += int64(sign) * bytes
}

// update changes the entry of path, which is made if there is none.
func (n *names) update(path string, change func(*entry)) {
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
func (n *names) updateKnown(path string, change func(*entry)) {
	if n.lru.Contains(path) {
		n.update(path, change)
	}
}

// updateListing changes the listing of dir, if there is a fresh one.
func (n *names) updateListing(dir string, change func(*listing)) {
	if n.freshListing(dir) != nil {
		n.update(dir, func(e *entry) { change(e.listing) })
	}
}

func (n *names) freshListing(dir string) *listing {
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
func (n *names) isWhole(l *listing) bool {
	if l.ahead && !n.isProbed() {
		return false
	}
	return time.Since(l.taken) < n.opts.NegativeTimeout || n.isOurs(l)
}

// isProbed reports whether listings fetched ahead are believed.
func (n *names) isProbed() bool { return time.Since(n.probed.taken) < n.opts.NegativeTimeout }

// ages reports whether l is soon too old to tell what is absent, or is already.
func (n *names) ages(l *listing) bool {
	most := n.opts.NegativeTimeout
	return most > 0 && time.Since(l.taken) > most/2 && !n.isOurs(l)
}

// isEmpty reports whether dir is believed to be empty.
func (n *names) isEmpty(dir string) bool {
	l := n.freshListing(dir)
	return l != nil && !l.ahead && n.isWhole(l) && len(l.entries) == 0
}

// isOurs reports whether l is of a directory that is being filled here.
func (n *names) isOurs(l *listing) bool {
	return l.made && time.Since(l.filled) < n.opts.NegativeTimeout
}

// lookup returns the attributes of path itself, if they are known.
func (n *names) lookup(path string) (sftpconn.Attr, verdict) {
	none := sftpconn.Attr{}
	if n.isDoubtful(path) {
		return none, unknown
	}
	e, ok := n.lru.Get(path)
	if !ok {
		e = &entry{}
	}
	now := time.Now()
	own := e.attr
	dir, name := split(path)
	if l := n.freshListing(dir); l != nil && l.taken.After(own.taken) {
		attr, listed := l.get(name)
		age := now.Sub(l.taken)
		switch {
		case !listed && n.isWhole(l):
			return none, absent
		case !listed:
			own = known[sftpconn.Attr]{}
		case attr.Valid == sftpconn.AttrAll && age < n.opts.AttrTimeout:
			return attr, present
		}
	}
	switch {
	case own.fresh(now, n.opts.AttrTimeout):
		return own.value, present
	case e.absent.fresh(now, n.opts.NegativeTimeout):
		return none, absent
	}
	return none, unknown
}

// exists reports whether path is known to exist, whatever its attributes.
func (n *names) exists(path string) bool {
	if _, v := n.lookup(path); v != unknown {
		return v == present
	}
	dir, name := split(path)
	if l := n.freshListing(dir); l != nil {
		_, listed := l.get(name)
		return listed
	}
	return false
}

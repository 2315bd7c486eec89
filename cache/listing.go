package cache

import (
	"time"

	"sftpmount/sftpconn"
)

// listingEntryBytes estimates what a listed name takes besides its bytes: a
// DirEntry, the slot in the index and their slack.
const listingEntryBytes = 128

// listing is what a directory holds, as it was at the time taken and changed
// from here since.
type listing struct {
	taken   time.Time
	entries []sftpconn.DirEntry
	index   map[string]int // of a name in entries
	bytes   int64          // estimated

	// made is set if the directory was made here, and filled is when something
	// was last made or removed in it or below it. While a program fills a
	// directory that it has made, nobody else is expected to.
	made   bool
	filled time.Time

	order *order // nil until it is asked for

	// ahead is set while no program has asked for the listing: what it lacks may
	// have been made since by somebody who told the program. That is believed
	// only while programs look for names that are not there (probe).
	ahead bool
}

// newListing takes entries over.
func newListing(entries []sftpconn.DirEntry, taken time.Time) *listing {
	l := &listing{taken: taken, entries: entries, index: make(map[string]int, len(entries))}
	for i, e := range entries {
		l.index[e.Name] = i
		l.bytes += listingEntryBytes + int64(len(e.Name))
	}
	return l
}

func (l *listing) get(name string) (sftpconn.Attr, bool) {
	i, ok := l.index[name]
	if !ok {
		return sftpconn.Attr{}, false
	}
	return l.entries[i].Attr, true
}

func (l *listing) has(name string) bool {
	_, ok := l.index[name]
	return ok
}

// set adds name, or changes its attributes.
func (l *listing) set(name string, attr sftpconn.Attr) {
	if i, ok := l.index[name]; ok {
		l.entries[i].Attr = attr
		return
	}
	l.index[name] = len(l.entries)
	l.entries = append(l.entries, sftpconn.DirEntry{Name: name, Attr: attr})
	l.bytes += listingEntryBytes + int64(len(name))
}

// amend changes the attributes of name, if it is there.
func (l *listing) amend(name string, change func(*sftpconn.Attr)) {
	if i, ok := l.index[name]; ok {
		change(&l.entries[i].Attr)
	}
}

// doubt keeps name, if it is there, without its attributes.
func (l *listing) doubt(name string) {
	l.amend(name, func(attr *sftpconn.Attr) { *attr = sftpconn.Attr{} })
}

// remove takes name out. The last entry takes its place.
func (l *listing) remove(name string) {
	i, ok := l.index[name]
	if !ok {
		return
	}
	last := len(l.entries) - 1
	l.entries[i] = l.entries[last]
	l.index[l.entries[i].Name] = i
	l.entries[last] = sftpconn.DirEntry{}
	l.entries = l.entries[:last]
	if o := l.order; o != nil && i < len(o.places) { // the last one's was another, if it had one
		o.places[i] = place{}
	}
	delete(l.index, name)
	l.bytes -= listingEntryBytes + int64(len(name))
}

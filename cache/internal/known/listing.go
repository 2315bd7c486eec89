package known

import (
	"time"

	"sftpmount/sftpconn"
)

// listingEntryBytes estimates what a listed name takes besides its bytes: a
// DirEntry, the slot in the index and their slack.
const listingEntryBytes = 128

// Listing is what a directory holds, as it was at the time taken and changed
// from here since.
type Listing struct {
	taken   time.Time
	Entries []sftpconn.DirEntry
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
func newListing(entries []sftpconn.DirEntry, taken time.Time) *Listing {
	l := &Listing{taken: taken, Entries: entries, index: make(map[string]int, len(entries))}
	for i, e := range entries {
		l.index[e.Name] = i
		l.bytes += listingEntryBytes + int64(len(e.Name))
	}
	return l
}

func (l *Listing) get(name string) (sftpconn.Attr, bool) {
	i, ok := l.index[name]
	if !ok {
		return sftpconn.Attr{}, false
	}
	return l.Entries[i].Attr, true
}

// Has reports whether name is in the directory.
func (l *Listing) Has(name string) bool {
	_, ok := l.index[name]
	return ok
}

// set adds name, or changes its attributes.
func (l *Listing) set(name string, attr sftpconn.Attr) {
	if i, ok := l.index[name]; ok {
		l.Entries[i].Attr = attr
		return
	}
	l.index[name] = len(l.Entries)
	l.Entries = append(l.Entries, sftpconn.DirEntry{Name: name, Attr: attr})
	l.bytes += listingEntryBytes + int64(len(name))
}

// amend changes the attributes of name, if it is there.
func (l *Listing) amend(name string, change func(*sftpconn.Attr)) {
	if i, ok := l.index[name]; ok {
		change(&l.Entries[i].Attr)
	}
}

// doubt keeps name, if it is there, without its attributes.
func (l *Listing) doubt(name string) {
	l.amend(name, func(attr *sftpconn.Attr) { *attr = sftpconn.Attr{} })
}

// remove takes name out. The last entry takes its place.
func (l *Listing) remove(name string) {
	i, ok := l.index[name]
	if !ok {
		return
	}
	last := len(l.Entries) - 1
	l.Entries[i] = l.Entries[last]
	l.index[l.Entries[i].Name] = i
	l.Entries[last] = sftpconn.DirEntry{}
	l.Entries = l.Entries[:last]
	l.order.lose(i)
	l.order.lose(last) // the place that the last one had is not that of its new index
	delete(l.index, name)
	l.bytes -= listingEntryBytes + int64(len(name))
}

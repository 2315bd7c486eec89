package known

import (
	"slices"
	"strings"

	"sftpmount/cache/internal/pathname"
	"sftpmount/sftpconn"
)

// LeftOut says how many entries of its kind a program left out before one, if it
// goes through their folder in the order of the listing, or in that of names.
type LeftOut struct{ Listed, Sorted int }

// not is how many are left out by a program that does not keep to an order.
const not = 1 << 30

// Best returns the order that fits better, and how many were left out.
func (o LeftOut) Best() (sorted bool, skipped int) {
	return o.Sorted < o.Listed, min(o.Sorted, o.Listed)
}

// order is how the entries of a listing follow each other. It is made when it is
// first asked for: what is listed since then is in no order.
type order struct {
	byName []int32 // indexes of entries
	places []place // of each entry
}

// place is where an entry stands among those of its class, in the order of the
// listing and in that of names, and where among all in that of names. The zero
// place is none.
type place struct {
	class          Kind
	listed, sorted int32
	byName         int32
}

// hiddenFolder is the class of folders that come before all others in the order of
// names, and hardly anybody is after all that is in them.
const hiddenFolder Kind = 1 << 7

// classOf returns in which sequence an entry stands.
func classOf(e *sftpconn.DirEntry) Kind {
	kind := kindOf(e.Attr)
	if kind == Folder && pathname.IsHidden(e.Name) {
		return hiddenFolder
	}
	return kind
}

func (l *Listing) ordered() *order {
	if l.order != nil {
		return l.order
	}
	o := &order{byName: make([]int32, len(l.Entries)), places: make([]place, len(l.Entries))}
	var count [hiddenFolder + 1]int32
	for i := range l.Entries {
		class := classOf(&l.Entries[i])
		o.byName[i] = int32(i)
		o.places[i] = place{class: class, listed: count[class]}
		count[class]++
	}
	slices.SortFunc(o.byName, func(a, b int32) int { return strings.Compare(l.Entries[a].Name, l.Entries[b].Name) })
	clear(count[:])
	for at, i := range o.byName {
		p := &o.places[i]
		p.sorted, p.byName = count[p.class], int32(at)
		count[p.class]++
	}
	l.order = o
	return o
}

// lose says that the entry at an index is another one now, or none. o may be nil.
func (o *order) lose(i int) {
	if o != nil && i < len(o.places) {
		o.places[i] = place{}
	}
}

// place returns where name stands.
func (l *Listing) place(name string) (p place, ok bool) {
	o := l.ordered()
	i, ok := l.index[name]
	if !ok || i >= len(o.places) {
		return place{}, false
	}
	return o.places[i], o.places[i].class != 0
}

// Position returns as which name stands in the order of the listing, or in that of
// names; 0 if it does not.
func (l *Listing) Position(name string, sorted bool) int {
	if !sorted {
		return l.index[name]
	}
	p, _ := l.place(name)
	return int(p.byName)
}

// At returns the entry that is the i-th in the order of the listing, or in that of
// names.
func (l *Listing) At(i int, sorted bool) (e sftpconn.DirEntry) {
	if sorted {
		if o := l.ordered(); i < len(o.byName) {
			i = int(o.byName[i])
		}
	}
	if i < len(l.Entries) {
		e = l.Entries[i]
	}
	return e
}

// First says what is left out if name is the first entry of its kind that the
// program wants.
func (l *Listing) First(name string) LeftOut {
	p, ok := l.place(name)
	switch {
	case !ok:
		return LeftOut{not, not}
	case p.class == hiddenFolder:
		return LeftOut{int(p.listed), not}
	}
	return LeftOut{int(p.listed), int(p.sorted)}
}

// Between says what is left out if name is the one after before.
func (l *Listing) Between(before, name string) LeftOut {
	from, known := l.place(before)
	to, ok := l.place(name)
	if !known || !ok || before == name || from.class != to.class {
		return LeftOut{not, not}
	}
	skipped := func(from, to int32) int {
		if from >= to {
			return not
		}
		return int(to - from - 1)
	}
	return LeftOut{skipped(from.listed, to.listed), skipped(from.sorted, to.sorted)}
}

// Prior returns the entry of its class that comes right before name, or "".
func (l *Listing) Prior(name string, sorted bool) string {
	p, ok := l.place(name)
	if !ok {
		return ""
	}
	i := l.index[name]
	if sorted {
		i = int(p.byName)
	}
	for i--; i >= 0; i-- {
		at := i
		if sorted {
			at = int(l.order.byName[i])
		}
		if l.order.places[at].class == p.class {
			return l.Entries[at].Name
		}
	}
	return ""
}

// Follows reports whether name comes after before, whatever their kinds.
func (l *Listing) Follows(before, name string, sorted bool) bool {
	if sorted {
		return before < name
	}
	return l.Position(before, false) < l.Position(name, false)
}

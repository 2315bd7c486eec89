package cache

import (
	"slices"
	"strings"

	"sftpmount/sftpconn"
)

// leftOut says how many entries of its kind a program left out before one, if it
// goes through their folder in the order of the listing, or in that of names.
type leftOut struct{ listed, sorted int }

// not is how many are left out by a program that does not keep to an order.
const not = 1 << 30

// best returns the order that fits better, and how many were left out.
func (o leftOut) best() (sorted bool, skipped int) {
	return o.sorted < o.listed, min(o.sorted, o.listed)
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
	class          fileKind
	listed, sorted int32
	byName         int32
}

// hiddenFolder is the class of folders that come before all others in the order of
// names, and hardly anybody is after all that is in them.
const hiddenFolder fileKind = 1 << 7

// classOf returns in which sequence an entry stands.
func classOf(e *sftpconn.DirEntry) fileKind {
	kind := kindOf(e.Attr)
	if kind == folder && isHidden(e.Name) {
		return hiddenFolder
	}
	return kind
}

func (l *listing) ordered() *order {
	if l.order != nil {
		return l.order
	}
	o := &order{byName: make([]int32, len(l.entries)), places: make([]place, len(l.entries))}
	var count [hiddenFolder + 1]int32
	for i := range l.entries {
		class := classOf(&l.entries[i])
		o.byName[i] = int32(i)
		o.places[i] = place{class: class, listed: count[class]}
		count[class]++
	}
	slices.SortFunc(o.byName, func(a, b int32) int { return strings.Compare(l.entries[a].Name, l.entries[b].Name) })
	clear(count[:])
	for at, i := range o.byName {
		p := &o.places[i]
		p.sorted, p.byName = count[p.class], int32(at)
		count[p.class]++
	}
	l.order = o
	return o
}

// place returns where name stands.
func (l *listing) place(name string) (p place, ok bool) {
	o := l.ordered()
	i, ok := l.index[name]
	if !ok || i >= len(o.places) {
		return place{}, false
	}
	return o.places[i], o.places[i].class != 0
}

// at returns the entry that is the i-th in the order of the listing, or in that of
// names.
func (l *listing) at(i int, sorted bool) (e sftpconn.DirEntry) {
	if sorted {
		if o := l.ordered(); i < len(o.byName) {
			i = int(o.byName[i])
		}
	}
	if i < len(l.entries) {
		e = l.entries[i]
	}
	return e
}

// first says what is left out if name is the first entry of its kind that the
// program wants.
func (l *listing) first(name string) leftOut {
	p, ok := l.place(name)
	switch {
	case !ok:
		return leftOut{not, not}
	case p.class == hiddenFolder:
		return leftOut{int(p.listed), not}
	}
	return leftOut{int(p.listed), int(p.sorted)}
}

// between says what is left out if name is the one after before.
func (l *listing) between(before, name string) leftOut {
	from, known := l.place(before)
	to, ok := l.place(name)
	if !known || !ok || before == name || from.class != to.class {
		return leftOut{not, not}
	}
	skipped := func(from, to int32) int {
		if from >= to {
			return not
		}
		return int(to - from - 1)
	}
	return leftOut{skipped(from.listed, to.listed), skipped(from.sorted, to.sorted)}
}

// prior returns the entry of its class that comes right before name, or "".
func (l *listing) prior(name string, sorted bool) string {
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
			return l.entries[at].Name
		}
	}
	return ""
}

// follow reports whether name comes after before, whatever their kinds.
func (l *listing) follow(before, name string, sorted bool) bool {
	if sorted {
		return before < name
	}
	return l.index[before] < l.index[name]
}

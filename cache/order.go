package cache

import (
	"strings"
	"time"

	"sftpmount/sftpconn"
)

// near is how many entries of its kind a program may leave out and still be
// taken to go through a folder in order.
const near = 8

// leftOut says how many entries of its kind a program left out before one, if it
// goes through their folder in the order of the listing, or in that of names.
type leftOut struct{ listed, sorted int }

// not is how many are left out by a program that does not keep to an order.
const not = 1 << 30

// best returns the order that fits better, and how many were left out.
func (o leftOut) best() (sorted bool, skipped int) {
	return o.sorted < o.listed, min(o.sorted, o.listed)
}

// first says what is left out if name is the first entry of its kind that the
// program wants. In the order of names, hidden folders do not count: they come
// before all others, and seldom is anybody after all that is in them.
func (l *listing) first(name string) (o leftOut) {
	at := l.index[name]
	kind := typeOf(l.entries[at].Attr)
	if kind == folder && isHidden(name) {
		o.sorted = not
	}
	for i, e := range l.entries {
		if typeOf(e.Attr) != kind {
			continue
		}
		if i < at {
			o.listed++
		}
		if e.Name < name && (kind != folder || !isHidden(e.Name)) {
			o.sorted++
		}
	}
	return o
}

// isHidden reports whether programs seldom are after all that is in the folder at
// path.
func isHidden(path string) bool {
	_, name := split(path)
	return strings.HasPrefix(name, ".")
}

// between says what is left out if name is the one after before.
func (l *listing) between(before, name string) leftOut {
	from, known := l.index[before]
	if !known || before == name {
		return leftOut{not, not}
	}
	at := l.index[name]
	kind := typeOf(l.entries[at].Attr)
	o := leftOut{}
	if from > at {
		o.listed = not
	}
	if before > name {
		o.sorted = not
	}
	for i, e := range l.entries {
		if typeOf(e.Attr) != kind {
			continue
		}
		if from < i && i < at {
			o.listed++
		}
		if before < e.Name && e.Name < name {
			o.sorted++
		}
	}
	return o
}

// typeOf returns the kind of the file that attr is of, whether or not it can be
// fetched ahead.
func typeOf(attr sftpconn.Attr) stepKind {
	switch {
	case attr.IsDir():
		return folder
	case attr.IsSymlink():
		return link
	}
	return file
}

// visited is a folder that a program has come to, by listing it or by looking up
// a name in it, and what it has used of it.
type visited struct {
	at                    time.Time
	folders, files, links trail
}

// trail is which entries of one kind were used.
type trail struct {
	entries int
	last    string
}

func (v *visited) trail(kind stepKind) *trail {
	switch kind {
	case folder:
		return &v.folders
	case link:
		return &v.links
	}
	return &v.files
}

// kinds are those of which something was used.
func (v *visited) kinds() (kinds stepKind) {
	for _, kind := range []stepKind{folder, file, link} {
		if v.trail(kind).entries > 0 {
			kinds |= kind
		}
	}
	return kinds
}

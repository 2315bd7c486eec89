package walk

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"sftpmount/cache/internal/known"
	"sftpmount/cache/internal/pathname"
)

const (
	// mostWrong is how often in a row a program goes by the other order until its
	// walk does, and mostTurns how often a walk changes its mind. Several programs in
	// one tree do so twice in a row by chance.
	mostWrong = 3
	mostTurns = 4
)

// keptOrder is which order the program of a walk keeps to.
type keptOrder struct {
	sorted bool // that of names, as with a shell's *; else that of the listing
	wrong  int  // how often in a row it went by the other one
	turns  int  // how often that was followed
}

// comesNext reports whether path does for a program of w, in one order or the
// other: what comes before it was used. Several programs may be at several places.
func (ws *Walks) comesNext(w *walk, path string) bool {
	return w.picks || ws.isNext(w, path, false) || ws.isNext(w, path, true)
}

// isNext reports whether path comes next in an order. What is the first of its folder
// does if the folder does.
func (ws *Walks) isNext(w *walk, path string, sorted bool) bool {
	for {
		dir, name := pathname.Split(path)
		l := ws.names.FreshListing(dir)
		if l == nil {
			return true
		}
		if prior := l.Prior(name, sorted); prior != "" {
			s := ws.steps[pathname.Join(dir, prior)]
			return s == nil || s.used
		}
		s := ws.steps[dir]
		if s == nil || s.walk != w {
			return true
		}
		path = dir
	}
}

// heed takes in that the program of w goes on to path. If it keeps to the other
// order, so does w from now on.
func (ws *Walks) heed(w *walk, path string) {
	if w.cursor == nil || w.picks || w.order.turns == mostTurns {
		return
	}
	dir, before, name := part(w.cursor.Path, path)
	l := ws.names.FreshListing(dir)
	if l == nil {
		return
	}
	skipped := l.Between(before, name)
	ours, other := skipped.Listed, skipped.Sorted
	if w.order.sorted {
		ours, other = other, ours
	}
	switch {
	case ours == 0:
		w.order.wrong = 0
	case other == 0:
		w.order.wrong++
	}
	if w.order.wrong == mostWrong {
		ws.reorder(w)
	}
}

// reorder puts the steps of w into the other order. What was fetched ahead in the
// order of before makes room.
func (ws *Walks) reorder(w *walk) {
	w.order.sorted = !w.order.sorted
	w.order.wrong = 0
	w.order.turns++
	var all []*Step
	for s := w.first(); s != nil; s = s.next() {
		if s.Kind == known.File && s.state == there {
			ws.putOff(s)
		}
		s.rest.from, s.rest.to = 0, math.MaxInt // what is a step already is passed over
		all = append(all, s)
	}
	slices.SortStableFunc(all, func(a, b *Step) int { return ws.compare(a, b, w.order.sorted) })
	for _, s := range all {
		w.steps.MoveToBack(s.place)
	}
}

// compare tells which of two steps comes first. What is left of a folder comes
// before all that is in it.
func (ws *Walks) compare(a, b *Step, sorted bool) int {
	dir, one, other := part(a.Path, b.Path)
	if one == "" || other == "" {
		return cmp.Compare(len(a.Path), len(b.Path))
	}
	if l := ws.names.FreshListing(dir); l != nil && !sorted {
		return cmp.Compare(l.Position(one, false), l.Position(other, false))
	}
	return strings.Compare(one, other)
}

// part returns the folder where the ways to two paths part, and the names in it by
// which they go on; one that is above the other goes on by none.
func part(a, b string) (dir, one, other string) {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	if (n == len(a) || a[n] == '/') && (n == len(b) || b[n] == '/') {
		return "", a[n:], b[n:]
	}
	n = strings.LastIndexByte(a[:n], '/')
	one, _, _ = strings.Cut(a[n+1:], "/")
	other, _, _ = strings.Cut(b[n+1:], "/")
	if n == 0 {
		return "/", one, other
	}
	return a[:n], one, other
}

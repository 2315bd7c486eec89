package cache

import (
	"container/list"
	"slices"
	"strings"
	"time"

	"sftpmount/sftpconn"
)

const (
	// firstAhead is how many steps a new walk is ahead of its program, and
	// aheadGrowth by what that is multiplied with each step used until the
	// first one is fetched in vain: a tree of four levels is to be listed
	// while the program goes down once.
	firstAhead  = 8
	aheadGrowth = 8
	mostAhead   = 512

	// mostSteps bounds the steps of a walk that are looked at, and
	// expandAtOnce how many of a folder are put in at a time.
	mostSteps    = 4096
	expandAtOnce = 256

	// bigFolder is the size of a folder, in its own attributes, that is not
	// listed ahead, in bytes: it has tens of thousands of names.
	bigFolder = 1 << 20
)

// walk is a tree that a program goes through, as far as can be told. It is
// guarded by FS.mu.
type walk struct {
	steps  *list.List    // of *step, in the order in which the program is expected
	cursor *list.Element // the step that was used last
	window int           // how many steps may be ahead
	ahead  int           // steps that are fetched, or being fetched, and not used
	vain   bool          // one was fetched and not used
	sorted bool          // names are in their order, as with a shell's *
	last   time.Time     // when a step was used
}

// step is a folder that is to be listed, or the rest of a folder, which stands for
// steps not put in yet.
type step struct {
	walk    *walk
	kind    stepKind
	path    string
	from    int // of a rest: its first entry in the walk's order of the listing
	to      int // and the one behind its last
	state   stepState
	used    bool      // by a program
	fetched bool      // ahead of it
	asked   time.Time // when that was begun
}

type stepKind int

const (
	folder stepKind = iota
	rest
)

type stepState int

const (
	waiting stepState = iota
	asking
	there // the listing is known
	over  // it failed, or nobody came
)

// unused reports whether s was fetched, and not used so far.
func (s *step) unused() bool {
	return s.fetched && !s.used && (s.state == asking || s.state == there)
}

func newWalk(now time.Time) *walk {
	return &walk{steps: list.New(), window: firstAhead, last: now}
}

// grow takes in that a step was used.
func (w *walk) grow() {
	if w.vain {
		w.window++
	} else {
		w.window = max(firstAhead, w.window*aheadGrowth)
	}
	w.window = min(w.window, mostAhead)
}

// shrink takes in that steps were fetched in vain.
func (w *walk) shrink() { w.window = max(1, w.window/2) }

// following calls do with the steps behind the cursor, then with those before
// it, until it returns false. do returns the step to go on behind.
func (w *walk) following(do func(*list.Element) (last *list.Element, more bool)) {
	looked := 0
	pass := func(from, to *list.Element) bool {
		more := true
		for e := from; e != to && more; looked++ {
			e, more = do(e)
			e = e.Next()
			more = more && looked < mostSteps
		}
		return more
	}
	if pass(w.cursor.Next(), nil) {
		pass(w.steps.Front(), w.cursor)
	}
}

// entriesOf returns what l holds in the order in which the program is expected.
func (w *walk) entriesOf(l *listing) []sftpconn.DirEntry {
	if !w.sorted {
		return l.entries
	}
	entries := slices.Clone(l.entries)
	slices.SortFunc(entries, func(a, b sftpconn.DirEntry) int { return strings.Compare(a.Name, b.Name) })
	return entries
}

// inOrder reports whether a program that came from one name to the next keeps to
// the order of l, where it may leave out what it does not want.
func (l *listing) inOrder(from, to string) bool {
	i, known := l.index[from]
	j := l.index[to]
	if !known || i > j {
		return false
	}
	typ := l.entries[j].Attr.Type()
	return !slices.ContainsFunc(l.entries[i+1:max(i+1, j)], func(e sftpconn.DirEntry) bool {
		return e.Attr.Type() == typ
	})
}

// listable reports whether an entry of a listing can be listed ahead.
func listable(attr sftpconn.Attr) bool {
	return attr.Valid == sftpconn.AttrAll && attr.IsDir() && attr.Size <= bigFolder
}

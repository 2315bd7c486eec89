package walk

import (
	"container/list"
	"time"

	"sftpmount/cache/internal/blocks"
	"sftpmount/cache/internal/known"
	"sftpmount/cache/internal/pathname"
	"sftpmount/sftpconn"
)

const (
	// FirstAhead is how many steps a new walk is ahead of its program, and
	// aheadGrowth by what that is multiplied with each step used in order until
	// the first one is fetched in vain: a tree of four levels is to be listed
	// while the program goes down once.
	FirstAhead  = 8
	aheadGrowth = 8
	mostAhead   = 512

	// nearAhead is how many of the small files that come next may be ahead,
	// whatever else of their walk is: that may be where its program has left.
	nearAhead = 4

	// stepBytes is how much of files is read ahead per step of the window, in
	// bytes.
	stepBytes = 32 << 10

	// mostSteps bounds the steps of a walk that are looked at, and
	// expandAtOnce how many of a folder are put in at a time.
	mostSteps    = 4096
	expandAtOnce = 256

	// bigFolder is the size of a folder, in its own attributes, that is not
	// listed ahead, in bytes: it has tens of thousands of names.
	bigFolder = 1 << 20
)

// walk is a tree that a program goes through, as far as can be told.
type walk struct {
	steps   *list.List // of *Step, in the order in which the program is expected
	cursor  *Step      // the one that was used last
	wants   known.Kind // what the program is after
	order   keptOrder
	picks   bool         // the program goes through one folder in no order
	recalls recollection // what the program did before, if it does that again
	joined  int          // how often a program came to something of another kind
	window  window
	ahead   aheadOf   // what is fetched, or being fetched, and not used
	last    time.Time // when a step was used
}

// window is how far a walk may be ahead.
type window struct {
	size int  // how many folders, and how many others
	vain bool // something was fetched and not used
}

// aheadOf counts steps.
type aheadOf struct {
	folders, others int
	bytes           int64 // of files
}

func (a *aheadOf) add(s *Step, n int) {
	if s.Kind == known.Folder {
		a.folders += n
	} else {
		a.others += n
		a.bytes += int64(n) * s.file.size
	}
}

// Step is something that is to be fetched, or the rest of a folder, which stands
// for steps not put in yet.
type Step struct {
	walk    *walk
	place   *list.Element // in the steps of walk
	Kind    known.Kind
	Path    string
	state   stepState
	used    bool      // by a program
	fetched bool      // ahead of it
	asked   time.Time // when that was begun

	rest restOf
	file aheadFile

	depth int // of a folder listed on the chance: how far below one where a name was looked up
}

func stepAt(place *list.Element) *Step {
	if place == nil {
		return nil
	}
	return place.Value.(*Step)
}

// next returns the step behind s, or nil.
func (s *Step) next() *Step { return stepAt(s.place.Next()) }

// prior returns the step before s, or nil.
func (s *Step) prior() *Step { return stepAt(s.place.Prev()) }

func (w *walk) first() *Step { return stepAt(w.steps.Front()) }

// Size returns how much of the file of s is read ahead, in bytes.
func (s *Step) Size() int64 { return s.file.size }

// IsOpen returns a channel that is closed when the file of s was opened, or could not be.
func (s *Step) IsOpen() <-chan struct{} { return s.file.done }

// restOf are the entries that a rest stands for.
type restOf struct {
	kinds known.Kind
	from  int // the first one in the walk's order of the listing
	to    int // behind the last one
}

// What is to be fetched is a folder, which is listed; a file, which is opened, and its
// beginning read; or a symbolic link, which is read.
const (
	rest known.Kind = 0

	anything = known.Folder | known.File | known.Link
)

type stepState int

const (
	waiting stepState = iota
	asking
	there // the answer is known
	over  // it failed, nobody came, or it was handed over
)

// unused reports whether s was fetched, and not used so far.
func (s *Step) unused() bool {
	return s.fetched && !s.used && (s.state == asking || s.state == there)
}

// expects reports whether all that is in a folder of w, whose listing is l, is
// expected.
func (w *walk) expects(l *known.Listing) bool { return !w.picks || len(l.Entries) <= fewBeside }

// isSure reports whether little of w is in vain: what programs did before, and folders
// in which they look up names.
func (w *walk) isSure() bool { return w.recalls.any() || w.wants == rest }

// idle reports whether nobody has gone on with w for a while.
func (w *walk) idle(now time.Time) bool {
	return w.ahead.folders+w.ahead.others == 0 && now.Sub(w.last) > StepAge
}

func newWalk(wants known.Kind) *walk {
	return &walk{steps: list.New(), wants: wants, window: window{size: FirstAhead}, last: time.Now()}
}

// grow takes in that a step was used.
func (w *window) grow() {
	if w.vain {
		w.size++
	} else {
		w.size = max(FirstAhead, w.size*aheadGrowth)
	}
	w.size = min(w.size, mostAhead)
}

// shrink takes in that steps were fetched in vain.
func (w *window) shrink() { w.size = max(1, w.size/2) }

// stray takes in that a step was used that does not come next.
func (w *window) stray() { w.size = max(min(FirstAhead, w.size), w.size/2) }

// hasRoom reports whether w may be ahead by one more step, to which near others are
// nearer.
func (w *walk) hasRoom(s *Step, near int) bool {
	switch {
	case s.Kind == known.Folder:
		return w.ahead.folders < w.window.size
	case near < nearAhead && s.file.whole <= blocks.SmallFile:
		return true
	}
	bytes := w.ahead.bytes
	return w.ahead.others < w.window.size && (bytes == 0 || bytes+s.file.size <= int64(w.window.size)*stepBytes)
}

// hasAnyRoom reports whether w may be ahead by more of some kind.
func (w *walk) hasAnyRoom() bool {
	return w.ahead.folders < w.window.size ||
		w.wants&^known.Folder != 0 && w.ahead.others < w.window.size && w.ahead.bytes < int64(w.window.size)*stepBytes
}

// isPassedBy reports whether s is a hidden folder that no program has listed. Few
// are after all that is in those.
func (s *Step) isPassedBy() bool {
	return s.Kind == known.Folder && !s.used && pathname.IsHidden(s.Path)
}

// due reports whether s is to be fetched when there is room for it.
func (w *walk) due(s *Step, now time.Time) bool {
	return s.state == waiting && !s.used && s.Kind&w.wants != 0 && !s.isPassedBy() &&
		(s.Kind == known.Folder || s.file.settled(now))
}

// following calls do with the steps behind the cursor, then with those before
// it, until it returns false. do returns the step to go on behind.
func (w *walk) following(do func(*Step) (last *Step, more bool)) {
	if w.cursor == nil {
		return
	}
	looked := 0
	pass := func(from, to *Step) bool {
		more := true
		for s := from; s != to && more; looked++ {
			s, more = do(s)
			s = s.next()
			more = more && looked < mostSteps
		}
		return more
	}
	if pass(w.cursor.next(), nil) {
		pass(w.first(), w.cursor)
	}
}

// fetchable returns as what an entry of a listing can be fetched ahead, or 0.
func fetchable(attr sftpconn.Attr) known.Kind {
	switch {
	case attr.Valid != sftpconn.AttrAll:
	case attr.IsDir() && attr.Size <= bigFolder:
		return known.Folder
	case attr.IsRegular():
		return known.File
	case attr.IsSymlink():
		return known.Link
	}
	return rest
}

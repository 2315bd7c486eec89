package walk

import (
	"slices"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"sftpmount/cache/internal/credit"
	"sftpmount/cache/internal/known"
	"sftpmount/cache/internal/pathname"
	"sftpmount/sftpconn"
)

const (
	// mostWalks bounds the walks that are followed at a time, and mostRecent
	// the folders that a walk may be seen to begin in.
	mostWalks  = 64
	mostRecent = 256

	// StepAge is how long a file or a link waits to be used, and a walk for its
	// program to go on.
	StepAge = 5 * time.Second

	// listingAge is how long a listing waits to be used, if it is believed for so
	// long.
	listingAge = 20 * time.Second
)

// Options adjust walks.
type Options struct {
	Off        bool          // no program is followed
	DirTimeout time.Duration // how long listings are believed
	ReadBuffer int64         // bounds what was read ahead of all readers, in bytes
}

// Held is what walks hold: Steps that may be fetched, Handles on the server, and Blocks
// of files that no program has come to.
type Held struct{ Walks, Steps, Handles, Blocks int }

// Walks are the trees that programs are going through.
type Walks struct {
	opts    Options
	names   *known.Names
	discard func(*OpenedFile) // closes a file that no program gets
	all     []*walk           // the one that began last is the last
	loose   *walk             // folders that are listed since a name in them was looked up
	steps   map[string]*Step  // by path
	recent  *simplelru.LRU[string, *visited]
	history history
	allowed allowance
	count   Counts
	through bool // the last file that is not small was read to its end

	sweeping bool // Sweep is called every so often
}

// Counts is what has become of that which was fetched ahead.
type Counts struct{ Folders, Files, Links credit.Outcome }

func (c *Counts) of(kind known.Kind) *credit.Outcome {
	switch kind {
	case known.Folder:
		return &c.Folders
	case known.Link:
		return &c.Links
	}
	return &c.Files
}

// New returns walks over what is known, of which there are none. discard closes a file
// that was opened ahead and that no program gets; it must not wait.
func New(n *known.Names, opts Options, discard func(*OpenedFile)) *Walks {
	recent, _ := simplelru.NewLRU[string, *visited](mostRecent, nil) // which fails for no size above 0
	return &Walks{
		opts:    opts,
		names:   n,
		discard: discard,
		loose:   newWalk(rest),
		steps:   make(map[string]*Step),
		recent:  recent,
		history: newHistory(),
		allowed: newAllowance(opts.ReadBuffer),
	}
}

func (ws *Walks) add(wants known.Kind) *walk {
	if len(ws.all) == mostWalks {
		ws.drop(ws.all[0])
	}
	w := newWalk(wants)
	ws.all = append(ws.all, w)
	return w
}

// put makes s a step of w, before another one or at the end.
func (ws *Walks) put(w *walk, s, before *Step) {
	s.walk = w
	if before == nil {
		s.place = w.steps.PushBack(s)
	} else {
		s.place = w.steps.InsertBefore(s, before.place)
	}
	if s.Kind != rest {
		ws.steps[s.Path] = s
	}
}

func (ws *Walks) remove(s *Step) {
	ws.waste(s)
	if ws.steps[s.Path] == s {
		delete(ws.steps, s.Path)
	}
	s.walk.steps.Remove(s.place)
}

// drop ends w.
func (ws *Walks) drop(w *walk) {
	ws.all = slices.DeleteFunc(ws.all, func(other *walk) bool { return other == w })
	for s := w.first(); s != nil; s = w.first() {
		ws.remove(s)
	}
	w.cursor = nil
}

// use takes in that a program came to s. It reports whether that is where
// the walk has expected one.
func (ws *Walks) use(s *Step) (expected bool) {
	w := s.walk
	w.last = time.Now()
	if s.used {
		return true
	}
	if s.unused() {
		ws.count.of(s.Kind).Used++
		ws.allowed.used(s)
		w.ahead.add(s, -1)
	}
	s.used = true
	if w == ws.loose {
		return true
	}
	expected = s.Kind == known.Folder || ws.comesNext(w, s.Path)
	if expected {
		w.window.grow()
	} else {
		w.window.stray()
	}
	ws.heed(w, s.Path)
	w.cursor = s
	for before := w.first(); before != s && w.steps.Len() > mostSteps; before = w.first() {
		ws.remove(before)
	}
	return expected
}

// waste takes in that nobody will use s.
func (ws *Walks) waste(s *Step) {
	if !s.unused() {
		return
	}
	s.walk.ahead.add(s, -1)
	s.walk.window.vain = true
	ws.count.of(s.Kind).Wasted++
	ws.allowed.wasted(s)
	if s.Kind == known.Folder && s.state == there {
		ws.names.ForgetListing(s.Path)
	}
	ws.end(s)
}

// putOff takes in that nobody came for s so far. It may be fetched again.
func (ws *Walks) putOff(s *Step) {
	again := s.unused() && s.state == there
	ws.waste(s)
	if again {
		s.state, s.fetched = waiting, false
	}
}

// end takes in that nothing more comes of s, used or not.
func (ws *Walks) end(s *Step) {
	s.state = over
	if o := ws.take(s); o != nil {
		ws.discard(o)
	}
}

// take returns the file that was opened for s, which s has no more, or nil.
func (ws *Walks) take(s *Step) *OpenedFile {
	o := s.file.opened
	if o != nil {
		s.file.opened = nil
		ws.allowed.handles--
	}
	return o
}

// listed takes in that the listing of path is known.
func (ws *Walks) listed(path string) *walk {
	s := ws.steps[path]
	if s == nil || s.Kind != known.Folder || s.state == there || s.state == over || s.walk != ws.loose && s.isPassedBy() {
		return nil
	}
	s.state = there
	if l := ws.names.FreshListing(path); l != nil && s.walk != ws.loose && s.walk.expects(l) {
		ws.putRest(s.walk, path, restOf{anything, 0, len(l.Entries)}, s.next())
	}
	return s.walk
}

func (ws *Walks) putRest(w *walk, path string, r restOf, before *Step) {
	ws.put(w, &Step{Kind: rest, Path: path, rest: r}, before)
}

// ask takes in that s is about to be fetched ahead.
func (ws *Walks) ask(s *Step) {
	s.state, s.fetched, s.asked = asking, true, time.Now()
	if s.Kind == known.File {
		s.file.done = make(chan struct{})
	}
	s.walk.ahead.add(s, 1)
	ws.allowed.take(s)
}

// isFree reports whether w may make path a step of its own: a walk that goes through
// one folder takes what others have of it.
func (ws *Walks) isFree(w *walk, path string) bool {
	s := ws.steps[path]
	switch {
	case s == nil:
		return true
	case s.walk == ws.loose:
		return !pathname.IsHidden(path)
	}
	return s.walk != w && !s.used && (w.picks || s.state == waiting)
}

// adopt makes s, or the step for its path that there is, a step of w before another
// one.
func (ws *Walks) adopt(w *walk, s, before *Step) {
	old := ws.steps[s.Path]
	if old == nil {
		ws.put(w, s, before)
		return
	}
	s = old
	s.walk.steps.Remove(s.place)
	if s.unused() {
		s.walk.ahead.add(s, -1)
		w.ahead.add(s, 1)
	}
	ws.put(w, s, before)
	if l := ws.names.FreshListing(s.Path); l != nil && s.state == there && w.expects(l) {
		ws.putRest(w, s.Path, restOf{anything, 0, len(l.Entries)}, before)
	}
}

func newStep(kind known.Kind, path string, attr sftpconn.Attr) *Step {
	s := &Step{Kind: kind, Path: path}
	if kind == known.File {
		s.file.mtime = attr.Mtime
		s.file.whole = int64(attr.Size)
		s.file.aim(false)
	}
	return s
}

// expire takes away what was not used in time.
func (ws *Walks) expire(now time.Time) {
	for _, w := range slices.Clone(ws.all) {
		if ws.expireSteps(w, now) {
			w.window.shrink()
		}
		if w.idle(now) {
			ws.drop(w)
		}
	}
	ws.expireSteps(ws.loose, now)
	for s := ws.loose.first(); s != nil; {
		next := s.next()
		if s.state != asking && now.Sub(s.asked) > StepAge || ws.loose.steps.Len() > mostRecent {
			ws.remove(s)
		}
		s = next
	}
}

func (ws *Walks) expireSteps(w *walk, now time.Time) (vain bool) {
	for s := w.first(); s != nil; s = s.next() {
		if s.unused() && now.Sub(s.asked) > ws.ageOf(s) {
			ws.putOff(s)
			vain = true
		}
	}
	return vain
}

// ageOf returns how long s waits to be used.
func (ws *Walks) ageOf(s *Step) time.Duration {
	if s.Kind == known.Folder {
		return min(listingAge, ws.opts.DirTimeout)
	}
	return StepAge
}

// isIdle reports whether there is nothing to be taken away.
func (ws *Walks) isIdle() bool { return len(ws.all) == 0 && ws.loose.steps.Len() == 0 }

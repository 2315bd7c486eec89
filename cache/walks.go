package cache

import (
	"container/list"
	"slices"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"sftpmount/cache/internal/known"
	"sftpmount/cache/internal/pathname"
	"sftpmount/sftpconn"
)

const (
	// mostWalks bounds the walks that are followed at a time, and mostRecent
	// the folders that a walk may be seen to begin in.
	mostWalks  = 64
	mostRecent = 256

	// stepAge is how long a file or a link waits to be used, and a walk for its
	// program to go on.
	stepAge = 5 * time.Second

	// listingAge is how long a listing waits to be used, if it is believed for so
	// long.
	listingAge = 20 * time.Second
)

// walksOptions adjust walks.
type walksOptions struct {
	Off        bool          // no program is followed
	DirTimeout time.Duration // how long listings are believed
	ReadBuffer int64         // bounds what was read ahead of all readers, in bytes
}

// walks are the trees that programs are going through. They are guarded by
// FS.mu.
type walks struct {
	opts    walksOptions
	names   *known.Names
	discard func(*openedFile) // called with FS.mu held
	all     []*walk           // the one that began last is the last
	loose   *walk             // folders that are listed since a name in them was looked up
	steps   map[string]*list.Element
	recent  *simplelru.LRU[string, *visited]
	history history
	allowed allowance
	count   walkCount
	through bool // the last file that is not small was read to its end

	sweeping bool // sweep is called every so often
}

// walkCount counts what was fetched ahead.
type walkCount struct{ folders, files, links Ahead }

func (c *walkCount) of(kind known.Kind) *Ahead {
	switch kind {
	case known.Folder:
		return &c.folders
	case known.Link:
		return &c.links
	}
	return &c.files
}

func newWalks(n *known.Names, opts walksOptions, discard func(*openedFile)) *walks {
	recent, _ := simplelru.NewLRU[string, *visited](mostRecent, nil) // which fails for no size above 0
	return &walks{
		opts:    opts,
		names:   n,
		discard: discard,
		loose:   newWalk(rest),
		steps:   make(map[string]*list.Element),
		recent:  recent,
		history: newHistory(),
		allowed: newAllowance(opts.ReadBuffer),
	}
}

func (ws *walks) add(wants known.Kind) *walk {
	if len(ws.all) == mostWalks {
		ws.drop(ws.all[0])
	}
	w := newWalk(wants)
	ws.all = append(ws.all, w)
	return w
}

// put makes s a step of w, before another one or at the end.
func (ws *walks) put(w *walk, s *step, before *list.Element) *list.Element {
	s.walk = w
	var e *list.Element
	if before == nil {
		e = w.steps.PushBack(s)
	} else {
		e = w.steps.InsertBefore(s, before)
	}
	if s.kind != rest {
		ws.steps[s.path] = e
	}
	return e
}

func (ws *walks) remove(e *list.Element) {
	s := e.Value.(*step)
	ws.waste(s)
	if ws.steps[s.path] == e {
		delete(ws.steps, s.path)
	}
	s.walk.steps.Remove(e)
}

// drop ends w.
func (ws *walks) drop(w *walk) {
	ws.all = slices.DeleteFunc(ws.all, func(other *walk) bool { return other == w })
	for e := w.steps.Front(); e != nil; e = w.steps.Front() {
		ws.remove(e)
	}
}

// use takes in that a program came to the step e. It reports whether that is where
// the walk has expected one.
func (ws *walks) use(e *list.Element) (expected bool) {
	s := e.Value.(*step)
	w := s.walk
	w.last = time.Now()
	if s.used {
		return true
	}
	if s.unused() {
		ws.count.of(s.kind).Used++
		ws.allowed.used(s)
		w.ahead.add(s, -1)
	}
	s.used = true
	if w == ws.loose {
		return true
	}
	expected = s.kind == known.Folder || ws.comesNext(w, s.path)
	if expected {
		w.grow()
	} else {
		w.stray()
	}
	ws.heed(w, s.path)
	w.cursor = e
	for before := w.steps.Front(); before != e && w.steps.Len() > mostSteps; before = w.steps.Front() {
		ws.remove(before)
	}
	return expected
}

// waste takes in that nobody will use s.
func (ws *walks) waste(s *step) {
	if !s.unused() {
		return
	}
	s.walk.ahead.add(s, -1)
	s.walk.vain = true
	ws.count.of(s.kind).Wasted++
	ws.allowed.wasted(s)
	if s.kind == known.Folder && s.state == there {
		ws.names.ForgetListing(s.path)
	}
	ws.end(s)
}

// putOff takes in that nobody came for s so far. It may be fetched again.
func (ws *walks) putOff(s *step) {
	again := s.unused() && s.state == there
	ws.waste(s)
	if again {
		s.state, s.fetched = waiting, false
	}
}

// end takes in that nothing more comes of s, used or not.
func (ws *walks) end(s *step) {
	s.state = over
	if o := ws.take(s); o != nil {
		ws.discard(o)
	}
}

// take returns the file that was opened for s, which s has no more, or nil.
func (ws *walks) take(s *step) *openedFile {
	o := s.file.opened
	if o != nil {
		s.file.opened = nil
		ws.allowed.handles--
	}
	return o
}

// listed takes in that the listing of path is known.
func (ws *walks) listed(path string) *walk {
	e := ws.steps[path]
	if e == nil {
		return nil
	}
	s := e.Value.(*step)
	if s.kind != known.Folder || s.state == there || s.state == over || s.walk != ws.loose && s.isPassedBy() {
		return nil
	}
	s.state = there
	if l := ws.names.FreshListing(path); l != nil && s.walk != ws.loose && s.walk.expects(l) {
		ws.putRest(s.walk, path, restOf{anything, 0, len(l.Entries)}, e.Next())
	}
	return s.walk
}

func (ws *walks) putRest(w *walk, path string, r restOf, before *list.Element) {
	ws.put(w, &step{kind: rest, path: path, rest: r}, before)
}

// request is a step that is to be fetched. With again set, which is its file, the server
// is to be asked again whether that is true.
type request struct {
	*step
	again *openedFile
}

// next returns what of w is to be fetched now.
func (ws *walks) next(w *walk) (fetch []request) {
	if w == nil {
		return nil
	}
	now := time.Now()
	ws.allowed.earn(now)
	near, cleared, full := 0, false, false
	w.following(func(e *list.Element) (*list.Element, bool) {
		s := e.Value.(*step)
		switch {
		case s.kind&(known.File|known.Link) != 0 && (s.used || full && s.state == waiting):
			return e, true
		case s.kind == rest:
			return ws.expand(e), true
		case s.kind == known.Folder && s.state == waiting && ws.names.FreshListing(s.path) != nil:
			ws.listed(s.path)
			return e, true
		case s.unused():
			near++
			if o := s.file.opened; o != nil && o.ages(now) {
				o.refreshing = true
				fetch = append(fetch, request{s, o})
			}
			return e, true
		case !w.due(s, now):
			return e, true
		}
		s.file.aim(ws.through)
		switch {
		case !ws.allowed.hasCredit(s):
			return e, false
		case !w.hasRoom(s):
			return e, w.hasAnyRoom()
		}
		if !ws.allowed.hasSpace(s) && near < firstAhead && !cleared {
			cleared = true
			ws.clear(w, e)
		}
		if !ws.allowed.hasSpace(s) {
			full = true
			return e, s.kind != known.Folder // there may be folders behind it
		}
		ws.ask(s)
		fetch = append(fetch, request{step: s})
		return e, true
	})
	return fetch
}

// clear lets what is needed least make room for e, which comes soon in w: the end of
// the walk that nobody has gone on with for longest.
func (ws *walks) clear(w *walk, e *list.Element) {
	from := w
	for _, other := range ws.all {
		if other.ahead.others > 0 && other.last.Before(from.last) {
			from = other
		}
	}
	if from == w && w.picks {
		return // what is far behind in it is as near
	}
	for far, n := from.steps.Back(), 0; far != e && far != nil && n < firstAhead; far = far.Prev() {
		if s := far.Value.(*step); s.kind == known.File && s.unused() && s.state == there {
			ws.putOff(s)
			n++
		}
	}
}

// ask takes in that s is about to be fetched ahead.
func (ws *walks) ask(s *step) {
	s.state, s.fetched, s.asked = asking, true, time.Now()
	if s.kind == known.File {
		s.file.done = make(chan struct{})
	}
	s.walk.ahead.add(s, 1)
	ws.allowed.take(s)
}

// expand puts steps in the place of the rest e of a folder, or some of them
// before it. It returns the step before the first of them. What the program does
// not want yet stays, as a rest before them.
func (ws *walks) expand(e *list.Element) *list.Element {
	s := e.Value.(*step)
	w := s.walk
	if w.steps.Len() > mostSteps || s.rest.kinds&w.wants == 0 {
		return e
	}
	anchor := e.Prev()
	if anchor == nil {
		anchor = w.steps.PushFront(&step{walk: w, state: over})
	}
	l := ws.names.FreshListing(s.path)
	if l == nil {
		s.rest.to = 0
	} else {
		s.rest.to = min(s.rest.to, len(l.Entries))
	}
	if later := s.rest.kinds &^ w.wants; later != 0 {
		ws.putRest(w, s.path, restOf{later, s.rest.from, s.rest.to}, e)
		anchor = e.Prev()
	}
	s.rest.kinds &= w.wants
	for n := 0; n < expandAtOnce && s.rest.from < s.rest.to; s.rest.from++ {
		entry := l.At(s.rest.from, w.sorted)
		path := pathname.Join(s.path, entry.Name)
		if kind := fetchable(entry.Attr); kind&s.rest.kinds != 0 && ws.isFree(w, path) {
			ws.adopt(w, newStep(kind, path, entry.Attr), e)
			n++
		}
	}
	if s.rest.from >= s.rest.to {
		ws.remove(e)
	}
	return anchor
}

// isFree reports whether w may make path a step of its own: a walk that goes through
// one folder takes what others have of it.
func (ws *walks) isFree(w *walk, path string) bool {
	e := ws.steps[path]
	if e == nil {
		return true
	}
	s := e.Value.(*step)
	if s.walk == ws.loose {
		return !pathname.IsHidden(path)
	}
	return w.picks && s.walk != w && !s.used
}

// adopt makes s, or the step for its path that there is, a step of w before another
// one.
func (ws *walks) adopt(w *walk, s *step, before *list.Element) {
	e := ws.steps[s.path]
	if e == nil {
		ws.put(w, s, before)
		return
	}
	s = e.Value.(*step)
	s.walk.steps.Remove(e)
	if s.unused() {
		s.walk.ahead.add(s, -1)
		w.ahead.add(s, 1)
	}
	ws.put(w, s, before)
	if l := ws.names.FreshListing(s.path); l != nil && s.state == there && w.expects(l) {
		ws.putRest(w, s.path, restOf{anything, 0, len(l.Entries)}, before)
	}
}

func newStep(kind known.Kind, path string, attr sftpconn.Attr) *step {
	s := &step{kind: kind, path: path}
	if kind == known.File {
		s.file.mtime = attr.Mtime
		s.file.whole = int64(attr.Size)
		s.file.aim(false)
	}
	return s
}

// expire takes away what was not used in time.
func (ws *walks) expire(now time.Time) {
	for _, w := range slices.Clone(ws.all) {
		if ws.expireSteps(w, now) {
			w.shrink()
		}
		if w.idle(now) {
			ws.drop(w)
		}
	}
	ws.expireSteps(ws.loose, now)
	for e := ws.loose.steps.Front(); e != nil; {
		next := e.Next()
		if s := e.Value.(*step); s.state != asking && now.Sub(s.asked) > stepAge || ws.loose.steps.Len() > mostRecent {
			ws.remove(e)
		}
		e = next
	}
}

func (ws *walks) expireSteps(w *walk, now time.Time) (vain bool) {
	for e := w.steps.Front(); e != nil; e = e.Next() {
		s := e.Value.(*step)
		if s.unused() && now.Sub(s.asked) > ws.ageOf(s) {
			ws.putOff(s)
			vain = true
		}
	}
	return vain
}

// ageOf returns how long s waits to be used.
func (ws *walks) ageOf(s *step) time.Duration {
	if s.kind == known.Folder {
		return min(listingAge, ws.opts.DirTimeout)
	}
	return stepAge
}

// isIdle reports whether there is nothing to be taken away.
func (ws *walks) isIdle() bool { return len(ws.all) == 0 && ws.loose.steps.Len() == 0 }

// alive returns w if it goes on, or nil.
func (ws *walks) alive(w *walk) *walk {
	if slices.Contains(ws.all, w) {
		return w
	}
	return nil
}

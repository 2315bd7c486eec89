package cache

import (
	"container/list"
	"slices"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"sftpmount/sftpconn"
)

const (
	// mostWalks bounds the walks that are followed at a time, and mostRecent
	// the folders that a walk may be seen to begin in.
	mostWalks  = 8
	mostRecent = 256

	// mostHandles bounds the listings under way, since servers have few file
	// descriptors (macOS: 256).
	mostHandles = 192

	// stepAge is how long a listing waits to be used, and a walk for its
	// program to go on.
	stepAge = 5 * time.Second
)

// walks are the trees that programs are going through. They are guarded by
// FS.mu.
type walks struct {
	names   *names
	all     []*walk // the one that began last is the last
	steps   map[string]*list.Element
	recent  *simplelru.LRU[string, *visited] // folders that a program listed
	credit  credit
	handles int
	sweeper bool // a goroutine takes away what is not used

	used, wasted int // steps that were fetched ahead
}

// visited is a folder that was listed.
type visited struct {
	at      time.Time
	entries int    // of it that were listed since
	last    string // the one of them that was the last
}

func newWalks(n *names) *walks {
	ws := &walks{names: n, steps: make(map[string]*list.Element), credit: newCredit()}
	ws.recent = newLRU[string, *visited](mostRecent, nil)
	return ws
}

// visit takes in that a program lists path. A walk begins with the
// first subfolder of a folder that was just listed, or with the second entry of
// it, whatever that is.
func (ws *walks) visit(path string) *walk {
	if e := ws.steps[path]; e != nil {
		ws.use(e)
		return e.Value.(*step).walk
	}
	dir, name := split(path)
	v, ok := ws.recent.Get(dir)
	l := ws.names.freshListing(dir)
	if !ok || l == nil || time.Since(v.at) > stepAge {
		return nil
	}
	at, listed := l.index[name]
	if !listed {
		return nil
	}
	first := !slices.ContainsFunc(l.entries[:at], isDirEntry)
	inOrder := first || l.inOrder(v.last, name)
	v.at, v.last = time.Now(), name
	if v.entries++; v.entries < 2 && !first {
		return nil
	}
	w := ws.add()
	w.sorted = !inOrder
	ws.begin(w, dir, l, &step{kind: folder, path: path, used: true})
	return w
}

func isDirEntry(e sftpconn.DirEntry) bool { return e.Attr.IsDir() }

// begin lets w go through dir, where it has come to the step at.
func (ws *walks) begin(w *walk, dir string, l *listing, at *step) {
	entries := w.entriesOf(l)
	i := slices.IndexFunc(entries, func(e sftpconn.DirEntry) bool { return join(dir, e.Name) == at.path })
	ws.put(w, &step{kind: rest, path: dir, to: i}, nil)
	w.cursor = ws.put(w, at, nil)
	ws.put(w, &step{kind: rest, path: dir, from: i + 1, to: len(entries)}, nil)
}

func (ws *walks) add() *walk {
	if len(ws.all) == mostWalks {
		ws.drop(ws.all[0])
	}
	w := newWalk(time.Now())
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

// use takes in that a program came to the step e.
func (ws *walks) use(e *list.Element) {
	s := e.Value.(*step)
	w := s.walk
	w.last = time.Now()
	if s.used {
		return
	}
	if s.unused() {
		w.ahead--
		ws.used++
		ws.credit.used()
	}
	s.used = true
	w.grow()
	w.cursor = e
	for before := w.steps.Front(); before != e; {
		next := before.Next()
		if s := before.Value.(*step); s.passed() || w.steps.Len() > mostSteps {
			ws.remove(before)
		}
		before = next
	}
}

// passed reports whether nothing more comes of s, which the program has left
// behind. Folders may still be visited: not all programs keep to the order of
// listings.
func (s *step) passed() bool {
	if s.kind == rest || s.state == asking || s.unused() {
		return false
	}
	return s.used && s.state == there || s.state == over
}

// waste takes in that nobody will use s.
func (ws *walks) waste(s *step) {
	if !s.unused() {
		return
	}
	s.walk.ahead--
	s.walk.vain = true
	ws.wasted++
	if s.state == there {
		ws.names.updateKnown(s.path, func(e *entry) { e.listing = nil })
	}
	s.state = over
}

// looked takes in that a name in dir was looked up and known. It returns the
// walk that goes on with that, if any.
func (ws *walks) looked(dir string) *walk {
	e := ws.steps[dir]
	if e == nil || !e.Value.(*step).unused() {
		return nil
	}
	ws.use(e)
	return e.Value.(*step).walk
}

// listed takes in that the listing of path is known.
func (ws *walks) listed(path string) *walk {
	e := ws.steps[path]
	if e == nil {
		return nil
	}
	s := e.Value.(*step)
	if s.kind != folder || s.state == there || s.state == over {
		return nil
	}
	s.state = there
	if l := ws.names.freshListing(path); l != nil {
		s.walk.steps.InsertAfter(&step{walk: s.walk, kind: rest, path: path, to: len(l.entries)}, e)
	}
	return s.walk
}

// next returns what of w is to be fetched now.
func (ws *walks) next(w *walk) (fetch []*step) {
	if w == nil {
		return nil
	}
	w.following(func(e *list.Element) (*list.Element, bool) {
		s := e.Value.(*step)
		switch {
		case s.kind == rest:
			return ws.expand(e), true
		case s.kind == folder && s.state == waiting && ws.names.freshListing(s.path) != nil:
			ws.listed(s.path)
			return e, true
		case s.state != waiting || s.used:
			return e, true
		case w.ahead >= w.window || ws.handles >= mostHandles || !ws.credit.take():
			return e, false
		}
		s.state, s.fetched, s.asked = asking, true, time.Now()
		w.ahead++
		ws.handles++
		fetch = append(fetch, s)
		return e, true
	})
	return fetch
}

// expand puts steps in the place of the rest e of a folder, or some of them
// before it. It returns the step before the first of them.
func (ws *walks) expand(e *list.Element) *list.Element {
	s := e.Value.(*step)
	w := s.walk
	if w.steps.Len() > mostSteps {
		return e
	}
	anchor := e.Prev()
	if anchor == nil {
		anchor = w.steps.PushFront(&step{walk: w, state: over})
	}
	var entries []sftpconn.DirEntry
	if l := ws.names.freshListing(s.path); l != nil {
		entries = w.entriesOf(l)
	}
	s.to = min(s.to, len(entries))
	for n := 0; n < expandAtOnce && s.from < s.to; s.from++ {
		path := join(s.path, entries[s.from].Name)
		if listable(entries[s.from].Attr) && ws.steps[path] == nil {
			ws.put(w, &step{kind: folder, path: path}, e)
			n++
		}
	}
	if s.from >= s.to {
		ws.remove(e)
	}
	return anchor
}

// expire takes away what was not used in time.
func (ws *walks) expire(now time.Time) {
	for _, w := range slices.Clone(ws.all) {
		before := ws.wasted
		for e := w.steps.Front(); e != nil; e = e.Next() {
			s := e.Value.(*step)
			if s.unused() && now.Sub(s.asked) > stepAge {
				ws.waste(s)
			}
		}
		if ws.wasted != before {
			w.shrink()
		}
		if w.ahead == 0 && now.Sub(w.last) > stepAge {
			ws.drop(w)
		}
	}
}

// alive returns w if it goes on, or nil.
func (ws *walks) alive(w *walk) *walk {
	if slices.Contains(ws.all, w) {
		return w
	}
	return nil
}

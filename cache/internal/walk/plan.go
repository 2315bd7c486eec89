package walk

import (
	"slices"
	"time"

	"sftpmount/cache/internal/known"
	"sftpmount/cache/internal/pathname"
)

// Request is a step that is to be fetched. With again set, which is its file, the server
// is to be asked again whether that is true.
type Request struct {
	*Step
	Again *OpenedFile
}

// next returns what of w is to be fetched now. That is nothing if w is nil, or has ended:
// w may have made room for another walk a moment ago.
func (ws *Walks) next(w *walk) []Request {
	if !slices.Contains(ws.all, w) {
		return nil
	}
	p := plan{ws: ws, walk: w, now: time.Now()}
	ws.allowed.earn(p.now)
	w.following(p.consider)
	return p.fetch
}

// plan is what of a walk is to be fetched now. It is made from its next step on.
type plan struct {
	ws      *Walks
	walk    *walk
	now     time.Time
	fetch   []Request
	near    int  // steps so far that are fetched already and not used
	cleared bool // something has made room
	full    bool // there is none for more files
}

// consider looks at s, the step that comes next. It returns the one to go on behind, and
// whether there may be more to fetch.
func (p *plan) consider(s *Step) (last *Step, more bool) {
	ws := p.ws
	switch {
	case s.Kind&(known.File|known.Link) != 0 && (s.used || p.full && s.state == waiting):
		return s, true
	case s.Kind == rest:
		return ws.expand(s), true
	case s.Kind == known.Folder && s.state == waiting && ws.names.FreshListing(s.Path) != nil:
		ws.listed(s.Path)
		return s, true
	case s.unused():
		p.near++
		p.refresh(s)
		return s, true
	case !p.walk.due(s, p.now):
		return s, true
	}
	return s, p.add(s)
}

// refresh has the server asked again about the file of s, if that is time.
func (p *plan) refresh(s *Step) {
	if o := s.file.opened; o != nil && o.ages(p.now) {
		o.Refreshing = true
		p.fetch = append(p.fetch, Request{s, o})
	}
}

// add has s fetched, if that is allowed. It reports whether more may be.
func (p *plan) add(s *Step) (more bool) {
	ws := p.ws
	s.file.aim(ws.through)
	switch {
	case !ws.allowed.hasCredit(s):
		return false
	case !p.walk.hasRoom(s, p.near+len(p.fetch)):
		return p.walk.hasAnyRoom()
	}
	if !ws.allowed.hasSpace(s) && p.near < FirstAhead && !p.cleared {
		p.cleared = true
		ws.clear(p.walk, s)
	}
	if !ws.allowed.hasSpace(s) {
		p.full = true
		return s.Kind != known.Folder // there may be folders behind it
	}
	ws.ask(s)
	p.fetch = append(p.fetch, Request{Step: s})
	return true
}

// clear lets what is needed least make room for s, which comes soon in w: the end of
// the walk that nobody has gone on with for longest.
func (ws *Walks) clear(w *walk, s *Step) {
	from := w
	for _, other := range ws.all {
		if other.ahead.others > 0 && other.last.Before(from.last) {
			from = other
		}
	}
	if from == w && w.picks {
		return // what is far behind in it is as near
	}
	for far, n := stepAt(from.steps.Back()), 0; far != s && far != nil && n < FirstAhead; far = far.prior() {
		if far.Kind == known.File && far.unused() && far.state == there {
			ws.putOff(far)
			n++
		}
	}
}

// expand puts steps in the place of s, the rest of a folder, or some of them
// before it. It returns the step before the first of them. What the program does
// not want yet stays, as a rest before them.
func (ws *Walks) expand(s *Step) *Step {
	w := s.walk
	if w.steps.Len() > mostSteps || s.rest.kinds&w.wants == 0 {
		return s
	}
	anchor := s.prior()
	if anchor == nil {
		anchor = &Step{Kind: rest, state: over}
		ws.put(w, anchor, s)
	}
	l := ws.names.FreshListing(s.Path)
	if l == nil {
		s.rest.to = 0
	} else {
		s.rest.to = min(s.rest.to, len(l.Entries))
	}
	if later := s.rest.kinds &^ w.wants; later != 0 {
		ws.putRest(w, s.Path, restOf{later, s.rest.from, s.rest.to}, s)
		anchor = s.prior()
	}
	s.rest.kinds &= w.wants
	for n := 0; n < expandAtOnce && s.rest.from < s.rest.to; s.rest.from++ {
		entry := l.At(s.rest.from, w.order.sorted)
		path := pathname.Join(s.Path, entry.Name)
		if kind := fetchable(entry.Attr); kind&s.rest.kinds != 0 && ws.isFree(w, path) {
			ws.adopt(w, newStep(kind, path, entry.Attr), s)
			n++
		}
	}
	if s.rest.from >= s.rest.to {
		ws.remove(s)
	}
	return anchor
}

package walk

import (
	"time"

	"sftpmount/cache/internal/known"
	"sftpmount/cache/internal/pathname"
)

const (
	// mostPeeked is the size of a folder, in its own attributes, that is listed
	// since one name in it was looked up, in bytes.
	mostPeeked = 64 << 10

	// fewFolders is how many subfolders one has whose subfolders are listed
	// with it, and mostDepth how far down that goes.
	fewFolders = 8
	mostDepth  = 2

	// fewPicked is how many files, or folders, of a folder that is not big are come
	// to in no order until the others are expected too, and mostPicked how many
	// names such a folder has: interpreters go through what they import in an order
	// of their own, and git through the 256 folders of its objects.
	fewPicked  = 3
	mostPicked = 512

	// fewBeside is how many names a folder has of which all are expected when
	// programs pick among the folders beside it.
	fewBeside = 4

	// near is how many entries of its kind a program may leave out and still be
	// taken to go through a folder in order.
	near = 8
)

// visit takes in that a program lists path. A walk begins with the first
// subfolder of a folder just come to, or with the second entry of it that is
// listed.
func (ws *Walks) visit(path string) *walk {
	if s := ws.steps[path]; s != nil {
		ws.use(s)
		if s.walk != ws.loose {
			return s.walk
		}
		ws.remove(s)
	}
	return ws.come(path, known.Folder, func(l *known.Listing, t trail) (sorted, begins bool) {
		_, name := pathname.Split(path)
		if sorted, skipped := l.First(name).Best(); skipped == 0 {
			return sorted, true
		}
		sorted, _ = l.Between(t.last, name).Best()
		return sorted, t.entries > 0 && t.last != name
	})
}

// comesTo takes in that a program opens path, or reads the symbolic link there.
// It returns the step that was fetched ahead of that, if there is one. A walk
// begins where programs do what they did before; with the first file of a folder just
// come to, or with the next one; and with one that its folder's walk did not expect
// yet.
func (ws *Walks) comesTo(path string, kind known.Kind) (ahead *Step, w *walk) {
	at, again := ws.remember(path, kind)
	var anew, expected bool
	if s := ws.steps[path]; s != nil && s.Kind == kind {
		if s.unused() {
			ahead = s
		}
		w, anew = s.walk, s.used
		expected = ws.use(s)
	}
	switch {
	case w != nil && w.recalls.any() && !anew:
		if again {
			ws.recallMore(w, at)
		}
		return ahead, w
	case again:
		if own := ws.recall(path, at); own != nil {
			return ahead, own
		}
	}
	if expected {
		return ahead, w
	}
	if own := ws.come(path, kind, ws.keepsOrder(path)); own != nil {
		w = own
	}
	return ahead, w
}

// keepsOrder judges whether a program goes through a folder in order.
func (ws *Walks) keepsOrder(path string) func(*known.Listing, trail) (sorted, begins bool) {
	_, name := pathname.Split(path)
	return func(l *known.Listing, t trail) (sorted, begins bool) {
		if sorted, skipped := l.First(name).Best(); skipped == 0 {
			return sorted, true
		}
		sorted, skipped := l.Between(t.last, name).Best()
		return sorted, skipped <= near
	}
}

// entered takes in that a program looks up a name in dir, by which it goes on to
// something below. Whoever goes from folder to folder that way does so in the
// order of names. Hidden folders do not count.
func (ws *Walks) entered(dir string) *walk {
	if pathname.IsHidden(dir) {
		return nil
	}
	_, name := pathname.Split(dir)
	return ws.come(dir, known.Folder, func(l *known.Listing, t trail) (sorted, begins bool) {
		begun := t.entries > 0 && !pathname.IsHidden(t.last)
		return true, !begun && l.First(name).Sorted == 0 || l.Between(t.last, name).Sorted == 0
	})
}

// found takes in that a name in dir was looked up, which is known. It returns the
// walk that goes on with that, if any.
func (ws *Walks) found(dir string) (w *walk) {
	if s := ws.steps[dir]; s != nil && s.unused() {
		ws.use(s)
		w = s.walk
	}
	if v, ok := ws.recent.Get(dir); ok && w == nil {
		if s := ws.steps[pathname.Join(dir, v.files.last)]; s != nil {
			w = s.walk // whose files are kept fresh
		}
	}
	return w
}

// missed takes in that a name in dir was looked up of which it is not known that it
// is there. It returns the step of dir if that is to be listed, or listed again:
// there will be more.
func (ws *Walks) missed(dir, name string) (list *Step, w *walk) {
	if v, ok := ws.recent.Get(dir); !ok || time.Since(v.at) > StepAge {
		ws.recent.Add(dir, &visited{at: time.Now()})
	}
	l := ws.names.FreshListing(dir)
	if l != nil && (l.Has(name) || !ws.names.Ages(l)) {
		return nil, ws.found(dir)
	}
	s := ws.steps[dir]
	walked := s != nil && s.walk != ws.loose
	switch {
	case walked && (l != nil || pathname.IsHidden(dir)):
		return ws.listApart(dir), ws.found(dir)
	case walked:
		ws.use(s)
		w = s.walk
	default:
		if w = ws.entered(dir); w == nil {
			return ws.listLoose(dir), nil
		}
		s = w.cursor
	}
	if s.Kind == known.Folder && s.state == waiting {
		ws.attend(s)
		list = s
	}
	return list, w
}

// comeNear takes in that a program is depth folders above s, which may have been listed on
// the chance from further away: what is below it, and was too far, is listed now.
func (ws *Walks) comeNear(s *Step, depth int) []Request {
	if s == nil || s.walk != ws.loose || s.depth <= depth {
		return nil
	}
	s.depth = depth
	if s.state != there {
		return nil // it is when the listing comes
	}
	return ws.listBelow(s)
}

// listBelow returns requests for subfolders of dir, which is listed since a name in it
// was looked up: a program that works by names goes on to some of them. Of many it
// takes those that programs came to before.
func (ws *Walks) listBelow(dir *Step) (list []Request) {
	l := ws.names.FreshListing(dir.Path)
	if dir.walk != ws.loose || dir.depth == mostDepth || l == nil {
		return nil
	}
	var folders []string
	for _, e := range l.Entries {
		if fetchable(e.Attr) == known.Folder && e.Attr.Size <= mostPeeked {
			folders = append(folders, pathname.Join(dir.Path, e.Name))
		}
	}
	few := len(folders) <= fewFolders
	for _, path := range folders {
		l := ws.names.FreshListing(path)
		list = append(list, ws.comeNear(ws.steps[path], dir.depth+1)...)
		isKnown := ws.steps[path] != nil || l != nil && !ws.names.Ages(l)
		if isKnown || !few && !ws.recent.Contains(path) {
			continue
		}
		s := &Step{walk: ws.loose, Kind: known.Folder, Path: path, depth: dir.depth + 1}
		if !ws.allowed.has(s) {
			break
		}
		ws.put(ws.loose, s, nil)
		ws.ask(s)
		list = append(list, Request{Step: s})
	}
	return list
}

// attend takes in that the listing of s, which a program has come to, is about to
// be asked for.
func (ws *Walks) attend(s *Step) {
	s.state, s.asked = asking, time.Now()
	ws.allowed.handles++
}

// listLoose returns a step for dir if it is to be listed, though nothing is known
// of a walk.
func (ws *Walks) listLoose(dir string) *Step {
	if s := ws.steps[dir]; s != nil {
		ws.use(s)
		if s.state == asking {
			return nil
		}
		ws.remove(s)
	}
	s := ws.peek(dir)
	if s != nil {
		ws.put(ws.loose, s, nil)
		ws.ask(s)
	}
	return s
}

// listApart returns a step for dir, which is a step of a walk, if it is to be listed
// and the walk has nothing to do with that.
func (ws *Walks) listApart(dir string) *Step {
	s := ws.peek(dir)
	if s != nil {
		ws.attend(s)
	}
	return s
}

// peek returns a step for dir, which is of no walk, if it may be listed and is known
// to be a folder that is soon listed.
func (ws *Walks) peek(dir string) *Step {
	s := &Step{walk: ws.loose, Kind: known.Folder, Path: dir}
	if !ws.isSmall(dir) || !ws.allowed.has(s) {
		return nil
	}
	return s
}

// isSmall reports whether dir is known to be a folder that is soon listed.
func (ws *Walks) isSmall(dir string) bool {
	attr, v := ws.names.Lookup(dir)
	return v == known.Present && fetchable(attr) == known.Folder && attr.Size <= mostPeeked
}

// come takes in that a program has come to an entry of a folder. It returns the
// walk that goes on, or begins, with that. judge says which order the program
// keeps to, if it goes through the folder.
func (ws *Walks) come(path string, kind known.Kind, judge func(*known.Listing, trail) (sorted, begins bool)) *walk {
	dir, name := pathname.Split(path)
	v, ok := ws.recent.Get(dir)
	if !ok || time.Since(v.at) > StepAge {
		v = &visited{passed: true}
		ws.recent.Add(dir, v)
	}
	v.at = time.Now()
	v.passed = v.passed && kind == known.Folder
	t := v.trail(kind)
	before := *t
	t.add(name)
	l := ws.names.FreshListing(dir)
	if l == nil || !l.Has(name) {
		return nil
	}
	s := &Step{Kind: kind, Path: path, used: true}
	if d := ws.steps[dir]; d != nil && kind != known.Folder && ws.goesOn(d, l, path) {
		return ws.join(d, s)
	}
	sorted, begins := judge(l, before)
	begins = begins && (before.entries > 0 || !v.passed && !ws.isPicked(dir))
	picks := !begins && kind != known.Link && t.entries >= fewPicked && len(l.Entries) <= mostPicked
	if !begins && !picks {
		return nil
	}
	beside := ws.steps[pathname.Join(dir, v.files.last)]
	if beside != nil && kind == known.Folder && l.Follows(v.files.last, name, sorted) {
		return ws.goDown(beside, s)
	}
	wants := kind | v.kinds()
	if kind != known.Folder {
		wants &^= known.Folder
	}
	w := ws.add(wants)
	w.order.sorted, w.picks = sorted && !picks, picks
	ws.begin(w, dir, l, s)
	return w
}

// goesOn reports whether the walk of dir, whose listing is l, has expected a program to
// open path there.
func (ws *Walks) goesOn(dir *Step, l *known.Listing, path string) bool {
	return dir.entered(ws) && dir.walk.expects(l) && ws.comesNext(dir.walk, path)
}

// isPicked reports whether a program has come to dir that picks among the folders
// beside it.
func (ws *Walks) isPicked(dir string) bool {
	s := ws.steps[dir]
	return s != nil && s.walk.picks && s.entered(ws)
}

// entered reports whether a program that goes through a tree has come to the
// folder of s.
func (s *Step) entered(ws *Walks) bool { return s.walk != ws.loose && s.used }

// caughtUp takes in that a folder is listed in which a program has opened a file
// meanwhile.
func (ws *Walks) caughtUp(dir string) {
	v, ok := ws.recent.Get(dir)
	s := ws.steps[dir]
	if !ok || s == nil || v.files.entries != 1 || !s.entered(ws) {
		return
	}
	path := pathname.Join(dir, v.files.last)
	if ws.steps[path] == nil {
		ws.join(s, &Step{Kind: known.File, Path: path, used: true})
	}
}

// join lets the walk that goes through the folder of dir fetch what is of the
// kind of s, too. Who picks has to ask for some first.
func (ws *Walks) join(dir, s *Step) *walk {
	w := dir.walk
	w.joined++
	if !w.picks || w.joined >= fewPicked {
		w.wants |= s.Kind
	}
	w.last = time.Now()
	ws.put(w, s, dir.next())
	ws.use(dir)
	ws.heed(w, s.Path)
	w.cursor = s
	return w
}

// goDown lets the walk of at, a file beside the folder of s, go through that folder,
// too.
func (ws *Walks) goDown(at, s *Step) *walk {
	w := at.walk
	w.wants |= known.Folder
	w.last = time.Now()
	ws.heed(w, s.Path)
	ws.put(w, s, at.next())
	w.cursor = s
	return w
}

// begin lets w go through dir, where it has come to the step at. Of what stands before
// that in the listing, folders are still expected, and of who picks all.
func (ws *Walks) begin(w *walk, dir string, l *known.Listing, at *Step) {
	passed := known.Folder
	if w.picks {
		passed = anything
	}
	_, name := pathname.Split(at.Path)
	i := l.Position(name, w.order.sorted)
	if !w.order.sorted {
		ws.putRest(w, dir, restOf{passed, 0, i}, nil)
	}
	ws.put(w, at, nil)
	w.cursor = at
	ws.putRest(w, dir, restOf{anything, i + 1, len(l.Entries)}, nil)
}

package cache

import (
	"container/list"
	"slices"
	"time"

	"sftpmount/sftpconn"
)

const (
	// mostPeeked is the size of a folder, in its own attributes, that is listed
	// since one name in it was looked up, in bytes.
	mostPeeked = 64 << 10

	// fewFolders is how many subfolders one has whose subfolders are listed
	// with it, and mostDepth how far down that goes.
	fewFolders = 8
	mostDepth  = 2
)

// visit takes in that a program lists path. A walk begins with the first
// subfolder of a folder just come to, or with the second entry of it that is
// listed.
func (ws *walks) visit(path string) *walk {
	if e := ws.steps[path]; e != nil {
		ws.use(e)
		s := e.Value.(*step)
		s.visited = true
		if s.walk != ws.loose {
			return s.walk
		}
		ws.remove(e)
	}
	return ws.come(path, folder, func(l *listing, t trail) (sorted, begins bool) {
		_, name := split(path)
		first := l.first(name).listed == 0
		inOrder := first || l.between(t.last, name).listed == 0
		return !inOrder, first || t.entries > 0
	})
}

// opened takes in that a program opens path, or reads the symbolic link there.
// It returns the step that was fetched ahead of that, if there is one. A walk
// begins with the first file of a folder just come to, or with the next one.
func (ws *walks) opened(path string, kind stepKind) (ahead *step, w *walk) {
	if e := ws.steps[path]; e != nil && e.Value.(*step).kind == kind {
		s := e.Value.(*step)
		if s.unused() {
			ahead = s
		}
		ws.use(e)
		return ahead, s.walk
	}
	return nil, ws.come(path, kind, ws.keepsOrder(path))
}

// keepsOrder judges whether a program goes through a folder in order.
func (ws *walks) keepsOrder(path string) func(*listing, trail) (sorted, begins bool) {
	_, name := split(path)
	return func(l *listing, t trail) (sorted, begins bool) {
		if sorted, skipped := l.first(name).best(); skipped == 0 {
			return sorted, true
		}
		sorted, skipped := l.between(t.last, name).best()
		return sorted, skipped <= near
	}
}

// entered takes in that a program looks up a name in dir, by which it goes on to
// something below. Whoever goes from folder to folder that way does so in the
// order of names.
func (ws *walks) entered(dir string) *walk {
	_, name := split(dir)
	return ws.come(dir, folder, func(l *listing, t trail) (sorted, begins bool) {
		begun := t.entries > 0 && !hidden(folder, t.last)
		return true, !begun && l.first(name).sorted == 0 || l.between(t.last, name).sorted == 0
	})
}

// looked takes in that a name in dir was looked up and known. It returns the
// walk that goes on with that, if any.
func (ws *walks) looked(dir string) (w *walk) {
	if e := ws.steps[dir]; e != nil && e.Value.(*step).unused() {
		ws.use(e)
		w = e.Value.(*step).walk
	}
	if v, ok := ws.recent.Get(dir); ok && w == nil {
		if e := ws.steps[join(dir, v.files.last)]; e != nil {
			w = e.Value.(*step).walk // whose files are kept fresh
		}
	}
	return w
}

// missed takes in that a name in dir was looked up that is not known. It returns
// the step of dir if that is to be listed: there will be more.
func (ws *walks) missed(dir string) (list *step, w *walk) {
	if v, ok := ws.recent.Get(dir); !ok || time.Since(v.at) > stepAge {
		ws.recent.Add(dir, &visited{at: time.Now()})
	}
	if ws.names.freshListing(dir) != nil {
		return nil, nil
	}
	e := ws.steps[dir]
	if e != nil && e.Value.(*step).walk != ws.loose {
		ws.use(e)
		w = e.Value.(*step).walk
	} else if w = ws.entered(dir); w != nil {
		e = w.cursor
	} else {
		return ws.listLoose(dir), nil
	}
	if s := e.Value.(*step); s.kind == folder && s.state == waiting {
		ws.attend(s)
		list = s
	}
	return list, w
}

// listBelow returns steps for the subfolders of dir, which is listed since a name
// in it was looked up, if they are few: a program that works by names goes on
// to some of them.
func (ws *walks) listBelow(dir *step) (list []*step) {
	l := ws.names.freshListing(dir.path)
	if dir.walk != ws.loose || dir.depth == mostDepth || l == nil {
		return nil
	}
	for _, e := range l.entries {
		if kindOf(e.Attr) != folder || e.Attr.Size > mostPeeked {
			continue
		}
		if len(list) == fewFolders {
			return nil
		}
		path := join(dir.path, e.Name)
		if ws.steps[path] == nil && ws.names.freshListing(path) == nil {
			list = append(list, &step{kind: folder, path: path, depth: dir.depth + 1})
		}
	}
	for i, s := range list {
		if !ws.allowed.has(s) {
			return list[:i]
		}
		ws.put(ws.loose, s, nil)
		ws.ask(s)
	}
	return list
}

// attend takes in that the listing of s, which a program has come to, is about to
// be asked for.
func (ws *walks) attend(s *step) {
	s.state, s.asked = asking, time.Now()
	ws.allowed.handles++
}

// listLoose returns a step for dir if it is to be listed, though nothing is known
// of a walk.
func (ws *walks) listLoose(dir string) *step {
	e := ws.steps[dir]
	if e != nil {
		s := e.Value.(*step)
		ws.use(e)
		if s.state == asking {
			return nil
		}
		ws.remove(e)
	}
	attr, v := ws.names.lookup(dir)
	s := &step{kind: folder, path: dir}
	if v != present || kindOf(attr) != folder || attr.Size > mostPeeked || !ws.allowed.has(s) {
		return nil
	}
	ws.put(ws.loose, s, nil)
	ws.ask(s)
	return s
}

// come takes in that a program has come to an entry of a folder. It returns the
// walk that goes on, or begins, with that. judge says which order the program
// keeps to, if it goes through the folder.
func (ws *walks) come(path string, kind stepKind, judge func(*listing, trail) (sorted, begins bool)) *walk {
	dir, name := split(path)
	v, ok := ws.recent.Get(dir)
	if !ok || time.Since(v.at) > stepAge {
		return nil
	}
	v.at = time.Now()
	t := v.trail(kind)
	before := *t
	t.entries++
	t.last = name
	l := ws.names.freshListing(dir)
	if l == nil {
		return nil
	}
	if _, listed := l.index[name]; !listed {
		return nil
	}
	s := &step{kind: kind, path: path, used: true}
	if e := ws.steps[dir]; e != nil && kind != folder && e.Value.(*step).entered(ws) {
		return ws.join(e, s)
	}
	sorted, begins := judge(l, before)
	if !begins {
		return nil
	}
	wants := kind | v.kinds()
	if kind != folder {
		wants &^= folder
	}
	w := ws.add(wants)
	w.sorted = sorted
	ws.begin(w, dir, l, s)
	return w
}

// entered reports whether a program that goes through a tree has come to the
// folder of s.
func (s *step) entered(ws *walks) bool { return s.walk != ws.loose && s.used }

// caughtUp takes in that a folder is listed in which a program has opened a file
// meanwhile.
func (ws *walks) caughtUp(dir string) {
	v, ok := ws.recent.Get(dir)
	e := ws.steps[dir]
	if !ok || e == nil || v.files.entries != 1 || !e.Value.(*step).entered(ws) {
		return
	}
	path := join(dir, v.files.last)
	if ws.steps[path] == nil {
		ws.join(e, &step{kind: file, path: path, used: true})
	}
}

// join lets the walk that goes through the folder of dir fetch what is of the
// kind of s, too.
func (ws *walks) join(dir *list.Element, s *step) *walk {
	w := dir.Value.(*step).walk
	w.wants |= s.kind
	w.last = time.Now()
	e := ws.put(w, s, dir.Next())
	ws.use(dir)
	w.cursor = e
	return w
}

// begin lets w go through dir, where it has come to the step at.
func (ws *walks) begin(w *walk, dir string, l *listing, at *step) {
	entries := w.entriesOf(l)
	i := slices.IndexFunc(entries, func(e sftpconn.DirEntry) bool { return join(dir, e.Name) == at.path })
	if !w.sorted { // or it has passed them by
		ws.putRest(w, dir, restOf{folder, 0, i}, nil)
	}
	w.cursor = ws.put(w, at, nil)
	ws.putRest(w, dir, restOf{anything, i + 1, len(entries)}, nil)
}

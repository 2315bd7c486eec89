package walk

import (
	"time"

	"sftpmount/cache/internal/known"
	"sftpmount/cache/internal/pathname"
	"sftpmount/sftpconn"
)

// The methods in this file are told what programs do, and what became of that which
// was fetched ahead of them. Those that return requests say what is to be fetched now.

// Lists takes in that a program lists path, and whether the listing is known already.
func (ws *Walks) Lists(path string, known bool) []Request {
	if ws.opts.Off {
		return nil
	}
	w := ws.visit(path)
	ws.recent.Add(path, &visited{at: time.Now()})
	if known {
		ws.listed(path)
		ws.names.Wanted(path)
	}
	return ws.next(w)
}

// HasListed takes in that a program got the listing of path from the server.
func (ws *Walks) HasListed(path string) []Request {
	ws.names.Wanted(path)
	return ws.next(ws.listed(path))
}

// LooksUp takes in that a program looks path up, and whether it is known to be there.
func (ws *Walks) LooksUp(path string, known bool) []Request {
	dir, name := pathname.Split(path)
	if ws.opts.Off || dir == "" {
		return nil
	}
	fetch := ws.comeNear(ws.steps[dir], 0)
	if known {
		return append(fetch, ws.next(ws.found(dir))...)
	}
	list, w := ws.missed(dir, name)
	fetch = append(fetch, ws.next(w)...)
	if list != nil {
		fetch = append([]Request{{Step: list}}, fetch...)
	}
	return fetch
}

// Opens takes in that a program opens the file at path to read it. It returns the step
// that was fetched ahead of that, if there is one.
func (ws *Walks) Opens(path string) (ahead *Step, fetch []Request) {
	if ws.opts.Off {
		return nil, nil
	}
	ahead, w := ws.comesTo(path, known.File)
	return ahead, ws.next(w)
}

// ReadsLink takes in that a program reads the symbolic link at path.
func (ws *Walks) ReadsLink(path string) []Request {
	if ws.opts.Off {
		return nil
	}
	_, w := ws.comesTo(path, known.Link)
	return ws.next(w)
}

// ReadsOn takes in whether a file that is not small was read to its end.
func (ws *Walks) ReadsOn(through bool) { ws.through = through }

// ListingCame takes in that the folder of s was listed, or could not be.
func (ws *Walks) ListingCame(s *Step, ok bool) []Request {
	ws.allowed.handles--
	if ok {
		ws.listed(s.Path)
		ws.caughtUp(s.Path)
	}
	if !ok || s.state == asking { // or another step is for that path by now
		ws.fail(s)
	}
	return append(ws.next(s.walk), ws.listBelow(s)...)
}

// LinkCame takes in that the symbolic link of s was read, or could not be.
func (ws *Walks) LinkCame(s *Step, ok bool) {
	ws.allowed.handles--
	switch {
	case !ok:
		ws.fail(s)
	case s.state == asking:
		s.state = there
	}
}

// FileCame takes in that the file of s was opened, or could not be: o is nil.
func (ws *Walks) FileCame(s *Step, o *OpenedFile) {
	close(s.file.done)
	if o != nil && s.state != over && o.Attr.Valid == sftpconn.AttrAll {
		s.state = there
		s.file.opened = o
		return
	}
	ws.allowed.handles--
	ws.fail(s)
	if o != nil {
		ws.discard(o)
	}
}

// fail takes in that nothing came of s.
func (ws *Walks) fail(s *Step) {
	ws.waste(s)
	s.state = over
}

// HandOver returns the file of s for the program that has come to it, or nil.
func (ws *Walks) HandOver(s *Step) *OpenedFile {
	s.state = over
	return ws.take(s)
}

// TakeAway returns the file at path, if it was opened ahead: no program is to get it.
func (ws *Walks) TakeAway(path string) *OpenedFile {
	s := ws.steps[path]
	if s == nil {
		return nil
	}
	o := ws.take(s)
	ws.waste(s)
	return o
}

// Outdated takes in that o, the file of s, is not what a program would open now.
func (ws *Walks) Outdated(s *Step, o *OpenedFile) {
	if s.file.opened == o {
		ws.waste(s)
	}
}

// Counts returns what has become of that which was fetched ahead so far.
func (ws *Walks) Counts() Counts { return ws.count }

// Held returns what is held now.
func (ws *Walks) Held() Held {
	return Held{
		Walks:   len(ws.all),
		Steps:   len(ws.steps) + ws.loose.steps.Len(),
		Handles: ws.allowed.handles,
		Blocks:  ws.allowed.blocks,
	}
}

// NeedsSweep reports whether sweep is to be called from now on, every so often.
func (ws *Walks) NeedsSweep() bool {
	if ws.sweeping || ws.isIdle() {
		return false
	}
	ws.sweeping = true
	return true
}

// Sweep takes away what was fetched and not used in time. It reports whether there may
// be more of that later.
func (ws *Walks) Sweep(now time.Time) bool {
	ws.expire(now)
	ws.sweeping = !ws.isIdle()
	return ws.sweeping
}

package cache

import (
	"time"

	"sftpmount/cache/internal/known"
	"sftpmount/cache/internal/pathname"
	"sftpmount/sftpconn"
)

// The methods in this file are told what programs do, and what became of that which
// was fetched ahead of them. Those that return requests say what is to be fetched now.

// lists takes in that a program lists path, and whether the listing is known already.
func (ws *walks) lists(path string, known bool) []request {
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

// hasListed takes in that a program got the listing of path from the server.
func (ws *walks) hasListed(path string) []request {
	ws.names.Wanted(path)
	return ws.next(ws.listed(path))
}

// looksUp takes in that a program looks path up, and whether it is known to be there.
func (ws *walks) looksUp(path string, known bool) []request {
	dir, name := pathname.Split(path)
	if ws.opts.Off || dir == "" {
		return nil
	}
	if known {
		return ws.next(ws.found(dir))
	}
	list, w := ws.missed(dir, name)
	fetch := ws.next(w)
	if list != nil {
		fetch = append([]request{{step: list}}, fetch...)
	}
	return fetch
}

// opens takes in that a program opens the file at path to read it. It returns the step
// that was fetched ahead of that, if there is one.
func (ws *walks) opens(path string) (ahead *step, fetch []request) {
	if ws.opts.Off {
		return nil, nil
	}
	ahead, w := ws.comesTo(path, known.File)
	return ahead, ws.next(w)
}

// readsLink takes in that a program reads the symbolic link at path.
func (ws *walks) readsLink(path string) []request {
	if ws.opts.Off {
		return nil
	}
	_, w := ws.comesTo(path, known.Link)
	return ws.next(w)
}

// readsOn takes in whether a file that is not small was read to its end.
func (ws *walks) readsOn(through bool) { ws.through = through }

// listingCame takes in that the folder of s was listed, or could not be.
func (ws *walks) listingCame(s *step, ok bool) []request {
	ws.allowed.handles--
	if ok {
		ws.listed(s.path)
		ws.caughtUp(s.path)
	} else {
		ws.fail(s)
	}
	fetch := ws.next(ws.alive(s.walk))
	for _, below := range ws.listBelow(s) {
		fetch = append(fetch, request{step: below})
	}
	return fetch
}

// linkCame takes in that the symbolic link of s was read, or could not be.
func (ws *walks) linkCame(s *step, ok bool) {
	ws.allowed.handles--
	switch {
	case !ok:
		ws.fail(s)
	case s.state == asking:
		s.state = there
	}
}

// fileCame takes in that the file of s was opened, or could not be: o is nil.
func (ws *walks) fileCame(s *step, o *openedFile) {
	close(s.file.done)
	if o != nil && s.state != over && o.attr.Valid == sftpconn.AttrAll {
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
func (ws *walks) fail(s *step) {
	ws.waste(s)
	s.state = over
}

// handOver returns the file of s for the program that has come to it, or nil.
func (ws *walks) handOver(s *step) *openedFile {
	s.state = over
	return ws.take(s)
}

// takeAway returns the file at path, if it was opened ahead: no program is to get it.
func (ws *walks) takeAway(path string) *openedFile {
	e := ws.steps[path]
	if e == nil {
		return nil
	}
	s := e.Value.(*step)
	o := ws.take(s)
	ws.waste(s)
	return o
}

// outdated takes in that o, the file of s, is not what a program would open now.
func (ws *walks) outdated(s *step, o *openedFile) {
	if s.file.opened == o {
		ws.waste(s)
	}
}

// needsSweep reports whether sweep is to be called from now on, every so often.
func (ws *walks) needsSweep() bool {
	if ws.sweeping || ws.isIdle() {
		return false
	}
	ws.sweeping = true
	return true
}

// sweep takes away what was fetched and not used in time. It reports whether there may
// be more of that later.
func (ws *walks) sweep(now time.Time) bool {
	ws.expire(now)
	ws.sweeping = !ws.isIdle()
	return ws.sweeping
}

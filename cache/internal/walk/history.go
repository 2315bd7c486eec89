package walk

import (
	"time"

	"sftpmount/cache/internal/known"
	"sftpmount/sftpconn"
)

const (
	// mostRemembered is how many opens are remembered.
	mostRemembered = 8192

	// fewAgain is how many files are opened near each other as they were before,
	// until those that came next then are expected, and nearAgain is how near that
	// is: programs that run side by side do not always take turns alike.
	fewAgain  = 3
	nearAgain = 16

	// onceMore is how soon after it was opened a file is opened that is not opened as
	// it was before, but once more, in opens: git reads its configuration three times.
	onceMore = 8
)

// history is which files programs have opened one after the other: who does what was
// done before gets ahead what came next then.
type history struct {
	opens []pastOpen     // a ring: that at a position is opens[position%mostRemembered]
	next  int            // the position of the next one
	last  map[string]int // the last position of each path
	here  int            // where the file opened last was opened before that
	again int            // how many in a row were near each other before
	began int            // the position of the first of them, since they came round again
	taken time.Time      // when that was
}

// pastOpen is a file that was opened, and what was known of it then.
type pastOpen struct {
	path string
	attr sftpconn.Attr
}

// recollection is the part of the history that a walk goes through. The zero value is
// none.
type recollection struct{ next, end int }

func (r recollection) any() bool { return r.end > 0 }

func newHistory() history { return history{last: make(map[string]int), here: -nearAgain} }

// opened takes in that a program opens path. It returns where that was done before, and
// whether programs do again what they did there.
func (h *history) opened(path string, attr sftpconn.Attr) (at int, again bool) {
	at, known := h.last[path]
	if known && h.next-at <= onceMore {
		return at, false
	}
	h.add(path, attr)
	if !known {
		return at, false
	}
	if max(at-h.here, h.here-at) > nearAgain || time.Since(h.taken) > StepAge {
		h.again = 0
	}
	if h.again == 0 || at >= h.began {
		h.began = h.next - 1
	}
	h.again++
	h.here, h.taken = at, time.Now()
	return at, h.again >= fewAgain
}

func (h *history) add(path string, attr sftpconn.Attr) {
	if len(h.opens) < mostRemembered {
		h.opens = append(h.opens, pastOpen{})
	}
	slot := &h.opens[h.next%mostRemembered]
	if h.last[slot.path] == h.next-mostRemembered {
		delete(h.last, slot.path)
	}
	*slot = pastOpen{path, attr}
	h.last[path] = h.next
	h.next++
}

// at returns what was opened at a position, if it was not opened since.
func (h *history) at(position int) (open pastOpen, last bool) {
	open = h.opens[position%mostRemembered]
	return open, h.last[open.path] == position
}

// remember takes in that a program opens path. It returns where that was done before,
// and whether programs do again what they did there.
func (ws *Walks) remember(path string, kind known.Kind) (at int, again bool) {
	if kind != known.File {
		return 0, false
	}
	attr, _ := ws.names.Stat(path)
	return ws.history.opened(path, attr)
}

// recall returns a walk that goes on from where path was opened before, or nil if
// nothing came after that.
func (ws *Walks) recall(path string, at int) *walk {
	w := ws.add(known.File)
	w.picks = true
	w.recalls = recollection{at + 1, ws.history.began}
	ws.recallMore(w, at)
	if w.steps.Len() == 0 {
		ws.drop(w)
		return nil
	}
	w.cursor = &Step{Kind: known.File, Path: path, used: true}
	ws.put(w, w.cursor, w.first())
	return w
}

// recallMore lets w expect what came after a position.
func (ws *Walks) recallMore(w *walk, at int) {
	r := &w.recalls
	for r.next = max(r.next, ws.history.next-mostRemembered); r.next < min(at+mostAhead, r.end); r.next++ {
		open, last := ws.history.at(r.next)
		attr, v := ws.names.Stat(open.path)
		if v == known.Unknown {
			attr = open.attr
		}
		if !last || v == known.Absent || fetchable(attr) != known.File {
			continue
		}
		s := newStep(known.File, open.path, attr)
		switch old := ws.steps[open.path]; {
		case old == nil || old.used:
			ws.put(w, s, nil)
		case !old.walk.recalls.any():
			ws.adopt(w, s, nil)
		}
	}
}

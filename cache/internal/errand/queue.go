// Package errand keeps changes that were answered before they are carried out in order
// (AsyncClose): which has to wait for which, and what became of them.
package errand

import (
	"context"
	"iter"
	"maps"
	"slices"
	"sync"

	"sftpmount/cache/internal/known"
	"sftpmount/cache/internal/pathname"
)

const (
	// Most is how many errands may be waiting or under way. Whoever
	// would add another one waits.
	Most = 4096

	// MostUnderWay bounds those under way together with the files that they
	// opened and that are closed already: a server has so many handles only.
	MostUnderWay = 128
)

// Queue holds the errands that are not carried out yet. Each waits until those before it
// are done that are about the same paths, or paths above or below, or about
// other names of the same file: each request is answered before the next one on a
// path is sent, so that what replayTable in package reconnect says of lost replies
// holds. Those of different paths are under way together.
type Queue struct {
	links *known.Links  // which callers lock
	slots chan struct{} // holds a token for each under way

	mu          sync.Mutex
	all         set
	at          map[string]set   // by the paths that they are about
	below       map[string]set   // by all directories above those
	room        chan struct{}    // closed while there is room for more
	failures    map[string]error // that nobody was told of, the first Most
	failedCount uint64           // errands and writes, ever
}

type set map[*Errand]struct{}

// New returns an empty one. l tells which paths are names of one file.
func New(l *known.Links) *Queue {
	q := &Queue{
		links:    l,
		slots:    make(chan struct{}, MostUnderWay),
		all:      set{},
		at:       map[string]set{},
		below:    map[string]set{},
		room:     make(chan struct{}),
		failures: map[string]error{},
	}
	close(q.room)
	return q
}

// Add registers an errand about paths. The caller sees to it that it is carried out.
// The links are locked.
func (q *Queue) Add(change string, waited bool, paths ...string) *Errand {
	e := &Errand{Change: change, Paths: paths, waited: waited, Done: make(chan struct{})}
	q.mu.Lock()
	defer q.mu.Unlock()
	e.after = q.before(paths)
	q.all[e] = struct{}{}
	for _, p := range paths {
		put(q.at, p, e)
		for dir := range pathname.Above(p) {
			put(q.below, dir, e)
		}
	}
	if len(q.all) == Most {
		q.room = make(chan struct{})
	}
	return e
}

func put(index map[string]set, path string, e *Errand) {
	if index[path] == nil {
		index[path] = set{}
	}
	index[path][e] = struct{}{}
}

func take(index map[string]set, path string, e *Errand) {
	delete(index[path], e)
	if len(index[path]) == 0 {
		delete(index, path)
	}
}

// before returns what has to be done before anything about paths. The links and q.mu
// are locked.
func (q *Queue) before(paths []string) []prior {
	var found []prior
	for _, p := range q.links.Of(paths) {
		for e := range q.at[p] {
			found = append(found, prior{e, false})
		}
	}
	for _, p := range paths {
		for e := range q.below[p] {
			found = append(found, prior{e, false})
		}
		for above := range upFrom(p) {
			for e := range q.at[above] {
				found = append(found, prior{e, true})
			}
		}
	}
	return found
}

// upFrom yields path, and the directories that it is in.
func upFrom(path string) iter.Seq[string] {
	return func(yield func(string) bool) {
		if yield(path) {
			pathname.Above(path)(yield)
		}
	}
}

// Pending returns what has to be done before a question about path is asked; but not what
// its own caller waits for, who goes on at the same time. The links are locked.
func (q *Queue) Pending(path string) (found []*Errand) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, p := range q.before([]string{path}) {
		if !p.errand.waited {
			found = append(found, p.errand)
		}
	}
	return found
}

// Idle reports whether there are none.
func (q *Queue) Idle() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.all) == 0
}

// Everything returns all errands.
func (q *Queue) Everything() []*Errand {
	q.mu.Lock()
	defer q.mu.Unlock()
	return slices.Collect(maps.Keys(q.all))
}

// Vacancy returns a channel that is closed when there is room for one more.
func (q *Queue) Vacancy() <-chan struct{} {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.room
}

// Finish takes e out of the queue. An error is kept for who asks next about what
// it is about.
func (q *Queue) Finish(e *Errand, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, p := range e.Paths {
		take(q.at, p, e)
		for dir := range pathname.Above(p) {
			take(q.below, dir, e)
		}
	}
	if len(q.all) == Most {
		close(q.room)
	}
	delete(q.all, e)
	e.after = nil
	e.err = err
	if err != nil {
		q.noteLocked(e.Subject(), err)
	}
	close(e.Done)
}

// Unsettled returns the paths of what is not done, or failed with nobody told.
func (q *Queue) Unsettled() []string {
	q.mu.Lock()
	defer q.mu.Unlock()
	var paths []string
	for e := range q.all {
		paths = append(paths, e.Subject())
	}
	for p := range q.failures {
		paths = append(paths, p)
	}
	return paths
}

// Enter takes one of the slots. leave gives it back.
func (q *Queue) Enter(ctx context.Context) (leave func(), err error) {
	leave = func() {}
	select {
	case q.slots <- struct{}{}:
		return func() { <-q.slots }, nil
	case <-ctx.Done():
		return leave, ctx.Err()
	}
}

// Renamed returns the names that the file which the server has at a path is going
// to have, as all renames are carried out. What gets its name meanwhile is among
// them.
func (q *Queue) Renamed(from string) []string {
	q.mu.Lock()
	defer q.mu.Unlock()
	names := []string{from}
	for i := 0; i < len(names); i++ {
		for above := range upFrom(names[i]) {
			for e := range q.at[above] {
				if len(e.Paths) < 2 || e.Paths[0] != above {
					continue
				}
				if name := e.Paths[1] + names[i][len(above):]; !slices.Contains(names, name) {
					names = append(names, name)
				}
			}
		}
	}
	return names[1:]
}

// IsAt reports whether some errand is about path.
func (q *Queue) IsAt(path string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.at[path]) > 0
}

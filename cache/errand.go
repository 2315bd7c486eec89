package cache

import (
	"context"
	"fmt"
	"path"
	"slices"
	"sync"

	"sftpmount/cache/internal/known"
	"sftpmount/cache/internal/pathname"
)

const (
	// maxErrands is how many errands may be waiting or under way. Whoever
	// would add another one waits.
	maxErrands = 4096

	// maxUnderWay bounds those under way together with the files that they
	// opened and that are closed already: a server has so many handles only.
	maxUnderWay = 128
)

// errand is a change that was answered before it is carried out (AsyncClose).
type errand struct {
	change string   // such as "mkdir", for messages
	paths  []string // that it is about, the one that it makes last
	after  []prior
	waited bool // its caller waits for it: it was not answered
	done   chan struct{}
	err    error // set before done is closed
}

// prior is an errand that comes before another one. If it is vital, the other
// one is not carried out if it fails: it would meet another file than it is
// meant for.
type prior struct {
	errand *errand
	vital  bool
}

// errands are those that are not carried out yet. Each waits until those before it
// are done that are about the same paths, or paths above or below, or about
// other names of the same file: each request is answered before the next one on a
// path is sent, so that what replayTable in package reconnect says of lost replies
// holds. Those of different paths are under way together.
type errands struct {
	links *known.Links  // guarded by FS.mu
	slots chan struct{} // holds a token for each under way

	mu       sync.Mutex
	all      set
	at       map[string]set   // by the paths that they are about
	below    map[string]set   // by all directories above those
	room     chan struct{}    // closed while there is room for more
	failures map[string]error // that nobody was told of, the first maxErrands
	failed   uint64           // errands and writes, ever
}

type set map[*errand]struct{}

func newErrands(l *known.Links) *errands {
	es := &errands{
		links:    l,
		slots:    make(chan struct{}, maxUnderWay),
		all:      set{},
		at:       map[string]set{},
		below:    map[string]set{},
		room:     make(chan struct{}),
		failures: map[string]error{},
	}
	close(es.room)
	return es
}

// add registers an errand about paths. The caller sees to it that it is carried out.
// FS.mu is held.
func (es *errands) add(change string, waited bool, paths ...string) *errand {
	e := &errand{change: change, paths: paths, waited: waited, done: make(chan struct{})}
	es.mu.Lock()
	defer es.mu.Unlock()
	e.after = es.before(paths)
	es.all[e] = struct{}{}
	for _, p := range paths {
		put(es.at, p, e)
		for dir := p; dir != "/"; {
			dir = path.Dir(dir)
			put(es.below, dir, e)
		}
	}
	if len(es.all) == maxErrands {
		es.room = make(chan struct{})
	}
	return e
}

func put(index map[string]set, path string, e *errand) {
	if index[path] == nil {
		index[path] = set{}
	}
	index[path][e] = struct{}{}
}

func take(index map[string]set, path string, e *errand) {
	delete(index[path], e)
	if len(index[path]) == 0 {
		delete(index, path)
	}
}

// before returns what has to be done before anything about paths. FS.mu and es.mu are
// held.
func (es *errands) before(paths []string) []prior {
	var found []prior
	for _, p := range es.links.Of(paths) {
		for e := range es.at[p] {
			found = append(found, prior{e, false})
		}
	}
	for _, p := range paths {
		for e := range es.below[p] {
			found = append(found, prior{e, false})
		}
		for above := p; ; above = path.Dir(above) {
			for e := range es.at[above] {
				found = append(found, prior{e, true})
			}
			if above == "/" {
				break
			}
		}
	}
	return found
}

// pending is before for somebody who is not in the queue. FS.mu is held.
func (es *errands) pending(path string) []prior {
	es.mu.Lock()
	defer es.mu.Unlock()
	return es.before([]string{path})
}

// idle reports whether there are none.
func (es *errands) idle() bool {
	es.mu.Lock()
	defer es.mu.Unlock()
	return len(es.all) == 0
}

// everything returns all errands.
func (es *errands) everything() []prior {
	es.mu.Lock()
	defer es.mu.Unlock()
	list := make([]prior, 0, len(es.all))
	for e := range es.all {
		list = append(list, prior{e, false})
	}
	return list
}

// vacancy returns a channel that is closed when there is room for one more.
func (es *errands) vacancy() <-chan struct{} {
	es.mu.Lock()
	defer es.mu.Unlock()
	return es.room
}

// finish takes e out of the queue. An error is kept for who asks next about what
// it is about.
func (es *errands) finish(e *errand, err error) {
	es.mu.Lock()
	defer es.mu.Unlock()
	for _, p := range e.paths {
		take(es.at, p, e)
		for dir := p; dir != "/"; {
			dir = path.Dir(dir)
			take(es.below, dir, e)
		}
	}
	if len(es.all) == maxErrands {
		close(es.room)
	}
	delete(es.all, e)
	e.after = nil
	e.err = err
	if err != nil {
		es.noteLocked(e.paths[len(e.paths)-1], err)
	}
	close(e.done)
}

// note keeps an error that nobody was told of.
func (es *errands) note(path string, err error) {
	es.mu.Lock()
	defer es.mu.Unlock()
	es.noteLocked(path, err)
}

func (es *errands) noteLocked(path string, err error) {
	es.failed++
	if es.failures[path] == nil && len(es.failures) < maxErrands {
		es.failures[path] = err
	}
}

// takeFailure returns the first error about path, and forgets it. es may be nil.
func (es *errands) takeFailure(path string) error {
	if es == nil {
		return nil
	}
	es.mu.Lock()
	defer es.mu.Unlock()
	err := es.failures[path]
	delete(es.failures, path)
	return err
}

// takeFailures is takeFailure for a directory and all that is below it.
func (es *errands) takeFailures(dir string) error {
	if es == nil {
		return nil
	}
	es.mu.Lock()
	defer es.mu.Unlock()
	var first error
	for p, err := range es.failures {
		if p == dir || pathname.Below(dir, p) || dir == "/" {
			delete(es.failures, p)
			first = err
		}
	}
	return first
}

// failedCount returns how many errors there were. es may be nil.
func (es *errands) failedCount() uint64 {
	if es == nil {
		return 0
	}
	es.mu.Lock()
	defer es.mu.Unlock()
	return es.failed
}

// unsettled returns the paths of what is not done, or failed with nobody told.
func (es *errands) unsettled() []string {
	es.mu.Lock()
	defer es.mu.Unlock()
	var paths []string
	for e := range es.all {
		paths = append(paths, e.paths[len(e.paths)-1])
	}
	for p := range es.failures {
		paths = append(paths, p)
	}
	return paths
}

// await waits until all of those before are done. It returns the error of the
// first vital one that failed.
func (e *errand) await(ctx context.Context, progress *progress) error {
	var first error
	for _, p := range e.after {
		if err := progress.await(ctx, p.errand.done); err != nil {
			return err
		}
		if p.vital && p.errand.err != nil && first == nil {
			first = fmt.Errorf("%s before it failed: %w", p.errand.change, p.errand.err)
		}
	}
	return first
}

// unsure reports whether something before is not known to succeed.
func (e *errand) unsure() bool {
	return slices.ContainsFunc(e.after, func(p prior) bool { return p.errand.waited })
}

// enter takes one of the slots. leave gives it back.
func (es *errands) enter(ctx context.Context) (leave func(), err error) {
	leave = func() {}
	select {
	case es.slots <- struct{}{}:
		return func() { <-es.slots }, nil
	case <-ctx.Done():
		return leave, ctx.Err()
	}
}

// renamed returns the names that the file which the server has at a path is going
// to have, as all renames are carried out. What gets its name meanwhile is among
// them.
func (es *errands) renamed(from string) []string {
	es.mu.Lock()
	defer es.mu.Unlock()
	names := []string{from}
	for i := 0; i < len(names); i++ {
		for above := names[i]; above != "/"; above = path.Dir(above) {
			for e := range es.at[above] {
				if len(e.paths) < 2 || e.paths[0] != above {
					continue
				}
				if name := e.paths[1] + names[i][len(above):]; !slices.Contains(names, name) {
					names = append(names, name)
				}
			}
		}
	}
	return names[1:]
}

// isAt reports whether some errand is about path.
func (es *errands) isAt(path string) bool {
	es.mu.Lock()
	defer es.mu.Unlock()
	return len(es.at[path]) > 0
}

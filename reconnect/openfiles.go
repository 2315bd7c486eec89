package reconnect

import (
	"maps"
	"slices"
	"strings"
	"sync"
)

// openFiles knows where every open file is now.
type openFiles struct {
	mu       sync.Mutex
	places   map[*file]place
	byPath   map[string]map[*file]nothing // the files whose place is a path
	further  map[*file][]string           // names that open files were given, by link
	changes  map[*change]nothing          // under way
	openings map[*opening]nothing         // under way
}

// place is where a file can be opened again.
type place struct {
	path     string
	unlinked bool // nowhere: path was removed or replaced
}

// change is the removal of a name, or its move to another one.
type change struct {
	from, to string // to is empty for a removal
	done     chan struct{}
}

// touches reports whether the change is about path.
func (c *change) touches(path string) bool {
	return within(path, c.from) || c.to != "" && within(path, c.to)
}

// within reports whether path is top or below it.
func within(path, top string) bool {
	return path == top || strings.HasPrefix(path, strings.TrimSuffix(top, "/")+"/")
}

func newOpenFiles() *openFiles {
	return &openFiles{
		places:   make(map[*file]place),
		byPath:   make(map[string]map[*file]nothing),
		further:  make(map[*file][]string),
		changes:  make(map[*change]nothing),
		openings: make(map[*opening]nothing),
	}
}

// opening is a file that is being opened by path. If the name went to another
// file meanwhile, nobody knows which of the two was opened.
type opening struct {
	path      string
	overtaken bool
}

func (o *openFiles) beginOpen(path string) *opening {
	p := &opening{path: path}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.openings[p] = nothing{}
	return p
}

// endOpen notes where f is, or if that is nil, that the open failed. A file that
// cannot be told from another is not looked for by its name again.
func (o *openFiles) endOpen(p *opening, f *file) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.openings, p)
	if f != nil {
		o.put(f, place{path: p.path, unlinked: p.overtaken})
	}
}

// put notes that f is at p. o.mu is held.
func (o *openFiles) put(f *file, p place) {
	o.leave(f)
	o.places[f] = p
	if p.unlinked {
		return
	}
	if o.byPath[p.path] == nil {
		o.byPath[p.path] = make(map[*file]nothing)
	}
	o.byPath[p.path][f] = nothing{}
}

// leave takes f away from its path, if it has one. o.mu is held.
func (o *openFiles) leave(f *file) {
	path := o.places[f].path
	if there := o.byPath[path]; there != nil {
		if delete(there, f); len(there) == 0 {
			delete(o.byPath, path)
		}
	}
}

// at returns the open files at path.
func (o *openFiles) at(path string) []*file {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Collect(maps.Keys(o.byPath[path]))
}

func (o *openFiles) remove(f *file) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.leave(f)
	delete(o.places, f)
	delete(o.further, f)
}

// maxFurther bounds the further names of an open file.
const maxFurther = 16

// linked notes that newPath is a further name of the file at path.
func (o *openFiles) linked(path, newPath string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for f, p := range o.places {
		if !p.unlinked && slices.Contains(o.names(f), path) && len(o.further[f]) < maxFurther {
			o.further[f] = append(o.further[f], newPath)
		}
	}
}

// names returns all known names of f, the one that it is opened by first. o.mu is
// held.
func (o *openFiles) names(f *file) []string {
	return append([]string{o.places[f].path}, o.further[f]...)
}

// find returns where f is. If a change to that is under way, it returns a
// channel that is closed with its end, and the place cannot be relied on.
func (o *openFiles) find(f *file) (place, <-chan struct{}) {
	o.mu.Lock()
	defer o.mu.Unlock()
	p := o.places[f]
	for c := range o.changes {
		if c.touches(p.path) {
			return p, c.done
		}
	}
	return p, nil
}

// begin notes that a name is about to be removed, or moved to another one.
func (o *openFiles) begin(from, to string) *change {
	c := &change{from: from, to: to, done: make(chan struct{})}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.changes[c] = nothing{}
	return c
}

// end notes the outcome of a change.
func (o *openFiles) end(c *change, success bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.changes, c)
	close(c.done)
	if !success || c.from == c.to {
		return
	}
	for p := range o.openings {
		p.overtaken = p.overtaken || c.touches(p.path)
	}
	for f, p := range o.places {
		if p.unlinked {
			continue
		}
		names := c.applied(o.names(f))
		if len(names) == 0 {
			o.put(f, place{path: p.path, unlinked: true})
			delete(o.further, f)
			continue
		}
		if names[0] != p.path {
			o.put(f, place{path: names[0]})
		}
		if o.further[f] = names[1:]; len(names) == 1 {
			delete(o.further, f)
		}
	}
}

// applied returns what the change makes of the names of a file. Of two of them,
// rename(2) leaves both.
func (c *change) applied(names []string) []string {
	if slices.Contains(names, c.from) && slices.Contains(names, c.to) {
		return names
	}
	var left []string
	for _, name := range names {
		switch {
		case within(name, c.from) && c.to != "":
			left = append(left, c.to+strings.TrimPrefix(name, c.from))
		case within(name, c.from), c.to != "" && within(name, c.to):
		default:
			left = append(left, name)
		}
	}
	return left
}

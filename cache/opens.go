package cache

import (
	"maps"
	"slices"

	"sftpmount/cache/internal/known"
	"sftpmount/cache/internal/pathname"
)

// opens finds the contents of files that are open or have unsent data. It is
// guarded by FS.mu.
type opens struct {
	byPath map[string]*content
	all    map[*content]struct{}
	moving known.Moving
	moved  *known.Generations // paths that were renamed or removed
	lost   map[string]int64   // bytes per path that were lost with nobody left to tell

	closing bool // nobody will be told of errors any more
}

// whereabouts is where a content is found. It is guarded by FS.mu.
type whereabouts struct {
	paths    []string // none once the file was removed or replaced
	lastPath string   // for messages
	users    int      // open Files, and the goroutine that awaits acknowledgements
	unlinked bool     // the file's last name was removed, or given to another one
	made     bool     // here, since the file was first opened: it has no names but those known
}

func newOpens(moving known.Moving) *opens {
	return &opens{
		byPath: make(map[string]*content),
		all:    make(map[*content]struct{}),
		moving: moving,
		moved:  known.NewGenerations(),
		lost:   make(map[string]int64),
	}
}

// at returns the content of the file at path, or nil.
func (o *opens) at(path string) *content { return o.byPath[path] }

func (o *opens) contents() []*content {
	return slices.Collect(maps.Keys(o.all))
}

// maxLost bounds the paths that are remembered for what was lost of them.
const maxLost = 4096

// manyLost stands for all further ones.
const manyLost = "other files"

// lose takes in that bytes of the file at path were lost.
func (o *opens) lose(path string, bytes int64) {
	if _, known := o.lost[path]; !known && len(o.lost) >= maxLost {
		path = manyLost
	}
	o.lost[path] += bytes
}

// atAny returns the contents of the files that are open at paths.
func (o *opens) atAny(paths []string) (found []*content) {
	for _, path := range paths {
		if c := o.at(path); c != nil {
			found = append(found, c)
		}
	}
	return found
}

func (o *opens) lostBytes() map[string]int64 { return maps.Clone(o.lost) }

// enter returns the content of a file that was opened by path, with one more
// user. start is the generation of o.moved in which the open started: if path
// was being renamed or removed meanwhile, nobody knows which file was opened,
// and it gets a content that has no path.
func (o *opens) enter(fs *FS, path string, start uint64) *content {
	sure := !o.moved.Overtaken(path, start) && !o.moving.Has(path)
	c := o.byPath[path]
	if c == nil || !sure {
		c = newContent(fs, path)
		o.all[c] = struct{}{}
		if sure {
			o.attach(c, path)
		}
	}
	c.users++
	return c
}

// leave takes one user away. It reports whether it was the last one: c is then
// no longer found.
func (o *opens) leave(c *content) bool {
	c.users--
	if c.users > 0 {
		return false
	}
	for _, path := range c.paths {
		delete(o.byPath, path)
	}
	delete(o.all, c)
	return true
}

func (o *opens) attach(c *content, path string) {
	o.byPath[path] = c
	c.paths = append(c.paths, path)
	c.lastPath = path
	c.unlinked = false
}

// attachAll has c found by the further names of its file as well.
func (o *opens) attachAll(c *content, paths []string) {
	for _, path := range paths {
		if o.byPath[path] == nil {
			o.byPath[path] = c
			c.paths = append(c.paths, path)
			c.unlinked = false
		}
	}
}

// detach ends that the content at path, if there is one, is found by path: the
// name was removed or given to another file. Open files go on.
func (o *opens) detach(path string) {
	c := o.byPath[path]
	if c == nil {
		return
	}
	delete(o.byPath, path)
	c.paths = slices.DeleteFunc(c.paths, func(p string) bool { return p == path })
}

// unlink is detach for a name that was removed, or given to another file.
func (o *opens) unlink(path string) {
	c := o.byPath[path]
	o.detach(path)
	if c != nil && len(c.paths) == 0 {
		c.unlinked = true
	}
}

// detachTree is detach for a directory and all that is below it.
func (o *opens) detachTree(dir string) {
	o.moved.TouchTree(dir)
	for path := range maps.Clone(o.byPath) {
		if path == dir || pathname.Below(dir, path) {
			o.detach(path)
		}
	}
}

// movingTo returns the paths by which files are found that the server may have at
// path already: renames that are under way concern them, and path.
func (o *opens) movingTo(path string) (paths []string) {
	if !o.moving.Has(path) {
		return nil
	}
	for p := range o.byPath {
		if o.moving.Has(p) {
			paths = append(paths, p)
		}
	}
	return paths
}

// endMove notes the end of what moving.begin began.
func (o *opens) endMove(paths ...string) {
	o.moving.End(paths...)
	for _, path := range paths {
		o.moved.Touch(path)
	}
}

// rename moves the content at oldPath.
func (o *opens) rename(oldPath, newPath string) {
	o.unlink(newPath)
	if c := o.byPath[oldPath]; c != nil {
		o.detach(oldPath)
		o.attach(c, newPath)
	}
}

// renameTree moves the contents below oldPath.
func (o *opens) renameTree(oldPath, newPath string) {
	o.moved.TouchTree(oldPath)
	o.moved.TouchTree(newPath)
	for path := range maps.Clone(o.byPath) {
		if pathname.Below(oldPath, path) {
			o.rename(path, newPath+path[len(oldPath):])
		}
	}
}

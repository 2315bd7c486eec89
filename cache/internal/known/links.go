package known

import (
	"github.com/hashicorp/golang-lru/v2/simplelru"

	"sftpmount/cache/internal/pathname"
)

// maxLinks bounds the names that are known to be one of several of a file.
const maxLinks = 16_384

// Links tells which names a file was given here: what is changed under one of
// them changes under all. SFTP does not tell of those given elsewhere. The number
// is bounded: of the names forgotten, changes under another name are seen when
// the attributes are old enough to be asked for again.
type Links struct {
	groups *simplelru.LRU[string, group] // by each name in them
}

// group is the names of one file.
type group map[string]struct{}

func newLinks() *Links {
	return &Links{newLRU(maxLinks, func(path string, g group) { delete(g, path) })}
}

// join takes in that newPath was made as a further name of oldPath.
func (l *Links) join(oldPath, newPath string) {
	l.leave(newPath)
	g, ok := l.groups.Get(oldPath)
	if !ok {
		g = group{}
		l.add(g, oldPath)
	}
	l.add(g, newPath)
}

func (l *Links) add(g group, path string) {
	l.groups.Add(path, g)
	g[path] = struct{}{}
}

// leave takes in that path was removed, or given to another file.
func (l *Links) leave(path string) {
	l.groups.Remove(path) // and from its group
}

// leaveTree is leave for a directory and all that is below it.
func (l *Links) leaveTree(dir string) {
	for _, path := range l.groups.Keys() {
		if path == dir || pathname.Below(dir, path) {
			l.leave(path)
		}
	}
}

// move takes in that oldPath is now newPath.
func (l *Links) move(oldPath, newPath string) {
	l.leave(newPath)
	if g, ok := l.groups.Peek(oldPath); ok {
		l.leave(oldPath)
		l.add(g, newPath)
	}
}

// moveTree is move for all that is below oldPath.
func (l *Links) moveTree(oldPath, newPath string) {
	for _, path := range l.groups.Keys() {
		if pathname.Below(oldPath, path) {
			l.move(path, newPath+path[len(oldPath):])
		}
	}
}

// Others returns the other names of the file at path.
func (l *Links) Others(path string) []string {
	g, _ := l.groups.Peek(path)
	if len(g) < 2 {
		return nil
	}
	names := make([]string, 0, len(g)-1)
	for name := range g {
		if name != path {
			names = append(names, name)
		}
	}
	return names
}

// Of returns the other names of the files at paths.
func (l *Links) Of(paths []string) (others []string) {
	for _, path := range paths {
		others = append(others, l.Others(path)...)
	}
	return others
}

// Same reports whether two paths are known to be names of one file.
func (l *Links) Same(one, other string) bool {
	g, _ := l.groups.Peek(one)
	_, ok := g[other]
	return ok
}

package known

import (
	"github.com/hashicorp/golang-lru/v2/simplelru"

	"sftpmount/cache/internal/pathname"
)

// maxGenerations bounds the changed paths that are remembered one by one.
const maxGenerations = 8192

// Generations tell whether a path was changed since a request about it started.
// They count the changes and remember the last one of each path. The number is
// bounded: of the paths forgotten, the highest generation is kept as a floor
// for all paths, so that at worst an answer is discarded without need.
type Generations struct {
	Now   uint64
	floor uint64
	last  *simplelru.LRU[string, uint64]
	trees *simplelru.LRU[string, uint64] // last changes of a path and all that is below it

	underWay int // changes that are, which other changes may overtake
}

// NewGenerations returns those of paths that were never changed.
func NewGenerations() *Generations {
	g := &Generations{}
	forget := func(_ string, gen uint64) { g.floor = max(g.floor, gen) }
	g.last = newLRU(maxGenerations, forget)
	g.trees = newLRU(maxGenerations, forget)
	return g
}

// Touch notes a change of path.
func (g *Generations) Touch(path string) {
	g.Now++
	g.last.Add(path, g.Now)
}

// touchAll notes a change that may concern any path.
func (g *Generations) touchAll() {
	g.Now++
	g.floor = g.Now
}

// TouchTree notes a change that may concern top and any path below it.
func (g *Generations) TouchTree(top string) {
	g.Now++
	g.trees.Add(top, g.Now)
}

// Since returns the generation of the last change of path, or one after it.
func (g *Generations) Since(path string) uint64 {
	newest, _ := g.last.Peek(path)
	newest = max(g.floor, newest)
	if g.trees.Len() == 0 {
		return newest
	}
	for ; path != ""; path, _ = pathname.Split(path) {
		gen, _ := g.trees.Peek(path)
		newest = max(newest, gen)
	}
	return newest
}

// Overtaken reports whether path may have changed after the generation start.
func (g *Generations) Overtaken(path string, start uint64) bool {
	return g.Since(path) > start
}

// Begin notes that a change is asked for.
func (g *Generations) Begin() { g.underWay++ }

// End notes that what it led to is known.
func (g *Generations) End() { g.underWay-- }

// Alone reports whether the only change under way, which started in the generation
// start, had nothing else changed beside it.
func (g *Generations) Alone(start uint64) bool { return g.Now == start && g.underWay <= 1 }

// newLRU returns an LRU of at most size entries. size is positive, so that it
// cannot fail.
func newLRU[K comparable, V any](size int, onEvict func(K, V)) *simplelru.LRU[K, V] {
	lru, err := simplelru.NewLRU(size, onEvict)
	if err != nil {
		panic(err)
	}
	return lru
}

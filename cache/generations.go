package cache

import "github.com/hashicorp/golang-lru/v2/simplelru"

// maxGenerations bounds the changed paths that are remembered one by one.
const maxGenerations = 8192

// generations tell whether a path was changed since a request about it started.
// They count the changes and remember the last one of each path. The number is
// bounded: of the paths forgotten, the highest generation is kept as a floor
// for all paths, so that at worst an answer is discarded without need.
type generations struct {
	now   uint64
	floor uint64
	last  *simplelru.LRU[string, uint64]
	trees *simplelru.LRU[string, uint64] // last changes of a path and all that is below it

	underWay int // changes that are, which other changes may overtake
}

func newGenerations() *generations {
	g := &generations{}
	forget := func(_ string, gen uint64) { g.floor = max(g.floor, gen) }
	g.last = newLRU(maxGenerations, forget)
	g.trees = newLRU(maxGenerations, forget)
	return g
}

// touch notes a change of path.
func (g *generations) touch(path string) {
	g.now++
	g.last.Add(path, g.now)
}

// touchAll notes a change that may concern any path.
func (g *generations) touchAll() {
	g.now++
	g.floor = g.now
}

// touchTree notes a change that may concern top and any path below it.
func (g *generations) touchTree(top string) {
	g.now++
	g.trees.Add(top, g.now)
}

// since returns the generation of the last change of path, or one after it.
func (g *generations) since(path string) uint64 {
	newest, _ := g.last.Peek(path)
	newest = max(g.floor, newest)
	if g.trees.Len() == 0 {
		return newest
	}
	for ; path != ""; path, _ = split(path) {
		gen, _ := g.trees.Peek(path)
		newest = max(newest, gen)
	}
	return newest
}

// overtaken reports whether path may have changed after the generation start.
func (g *generations) overtaken(path string, start uint64) bool {
	return g.since(path) > start
}

// alone reports whether the only change under way, which started in the generation
// start, had nothing else changed beside it.
func (g *generations) alone(start uint64) bool { return g.now == start && g.underWay <= 1 }

// newLRU returns an LRU of at most size entries. size is positive, so that it
// cannot fail.
func newLRU[K comparable, V any](size int, onEvict func(K, V)) *simplelru.LRU[K, V] {
	lru, err := simplelru.NewLRU(size, onEvict)
	if err != nil {
		panic(err)
	}
	return lru
}

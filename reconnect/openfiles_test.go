package reconnect

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
)

// openAt notes that a file is open at path.
func (o *openFiles) openAt(path string) *file {
	f := &file{}
	o.endOpen(o.beginOpen(path), f)
	return f
}

// The files at a path are found there for as long as it is theirs.
func TestFilesAtPath(t *testing.T) {
	o := newOpenFiles()
	move := func(from, to string) { o.end(o.begin(from, to), true) }
	a, b, below := o.openAt("/a"), o.openAt("/a"), o.openAt("/dir/c")
	assert.ElementsMatch(t, []*file{a, b}, o.at("/a"))
	o.remove(b)
	move("/a", "/b")
	move("/dir", "/d")
	assert.Empty(t, o.at("/a"))
	assert.Equal(t, []*file{a}, o.at("/b"))
	assert.Equal(t, []*file{below}, o.at("/d/c"))
	move("/b", "")
	assert.Empty(t, o.at("/b"))
	o.remove(a)
	o.remove(below)
	assert.Empty(t, o.places)
	assert.Empty(t, o.byPath, "nothing is left of what is closed")
}

// Each file is moved once, though a map that is gone through is being changed.
func TestFilesAreMovedOnce(t *testing.T) {
	for range 1000 {
		o := newOpenFiles()
		closed, open := o.openAt("/a/closed"), o.openAt("/a/open")
		o.remove(closed)
		o.end(o.begin("/a", "/b"), true)
		assert.Equal(t, []*file{open}, o.at("/b/open"))
	}
}

// What an acknowledged append costs does not grow with the files that are open.
func BenchmarkFilesAtPath(b *testing.B) {
	for _, open := range []int{1, 2000} {
		b.Run(fmt.Sprint(open), func(b *testing.B) {
			o := newOpenFiles()
			for n := range open {
				o.openAt(fmt.Sprint("/", n))
			}
			for b.Loop() {
				o.at("/0")
			}
		})
	}
}

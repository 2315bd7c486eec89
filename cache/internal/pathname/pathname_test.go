package pathname

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestSplitAndJoin(t *testing.T) {
	for path, want := range map[string][2]string{
		"/":    {"", "/"},
		"/a":   {"/", "a"},
		"/a/b": {"/a", "b"},
		".":    {"", "."}, // where the server starts
		"./a":  {".", "a"},
	} {
		dir, name := Split(path)
		assert.Equal(t, want, [2]string{dir, name}, path)
		if dir != "" {
			assert.Equal(t, path, Join(dir, name))
		}
	}
}

func TestAbove(t *testing.T) {
	for path, want := range map[string][]string{
		"/":     nil,
		"/a/b":  {"/a", "/"},
		".":     nil,
		"./a/b": {"./a", "."},
	} {
		assert.Equal(t, want, slices.Collect(Above(path)), path)
	}
}

func TestBelow(t *testing.T) {
	assert.True(t, Below("/a", "/a/b"))
	assert.True(t, Below("/a", "/a/b/c"))
	assert.False(t, Below("/a", "/a"))
	assert.False(t, Below("/a", "/ab"))
	assert.False(t, Below("/a/b", "/a"))
}

func TestIsHidden(t *testing.T) {
	assert.True(t, IsHidden("/a/.git"))
	assert.False(t, IsHidden("/.a/git"))
}

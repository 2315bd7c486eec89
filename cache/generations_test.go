package cache

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestGenerationsForgetUpwards(t *testing.T) {
	g := newGenerations()
	g.touch("/first")
	start := g.now
	assert.False(t, g.overtaken("/first", start))
	for i := range maxGenerations {
		g.touch(string(rune('a' + i)))
	}
	assert.False(t, g.overtaken("/unknown", start), "all that was forgotten is older")
	g.touch("/one more")
	g.touch("/and another")
	assert.True(t, g.overtaken("/unknown", start))
	assert.False(t, g.overtaken("/unknown", g.now))
}

package known

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestGenerationsForgetUpwards(t *testing.T) {
	g := NewGenerations()
	g.Touch("/first")
	start := g.Now
	assert.False(t, g.Overtaken("/first", start))
	for i := range maxGenerations {
		g.Touch(string(rune('a' + i)))
	}
	assert.False(t, g.Overtaken("/unknown", start), "all that was forgotten is older")
	g.Touch("/one more")
	g.Touch("/and another")
	assert.True(t, g.Overtaken("/unknown", start))
	assert.False(t, g.Overtaken("/unknown", g.Now))
}

package walk

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"

	"sftpmount/cache/internal/known"
)

// A program may come to a step of the walk that began first, and do again what was done
// before. Where nothing came after that, there is no walk for it, but the first one had
// to make room.
func TestWalkThatMadeRoomForNone(t *testing.T) {
	ws := New(known.New(known.Options{MaxEntries: 10}), Options{}, func(*OpenedFile) {})
	open := func(names string, n int) {
		for i := range n {
			ws.Opens(fmt.Sprintf("/%s%d", names, i))
		}
	}
	open("again", fewAgain)
	open("other", onceMore+1)
	w := ws.add(known.File)
	ws.put(w, &Step{Kind: known.File, Path: fmt.Sprintf("/again%d", fewAgain-1)}, nil)
	for range mostWalks - 1 {
		ws.add(known.File)
	}
	open("again", fewAgain)
	assert.NotContains(t, ws.all, w)
}

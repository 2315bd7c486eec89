package errand

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sftpmount/cache/internal/known"
)

func newQueue() *Queue {
	return New(known.New(known.Options{MaxEntries: 100, MaxBytes: 1 << 20}).Links)
}

// before returns what e waits for, and whether that is vital.
func before(e *Errand) map[*Errand]bool {
	vital := map[*Errand]bool{}
	for _, p := range e.after {
		vital[p.errand] = vital[p.errand] || p.vital
	}
	return vital
}

// Errands about a path, or one above or below, wait for each other, in a tree that starts
// at the root or where the server starts.
func TestOrder(t *testing.T) {
	for _, top := range []string{"/", "./", "/home/"} {
		done := make(chan struct{})
		go func() { // which must not go on for ever
			defer close(done)
			q := newQueue()
			dir := q.Add("mkdir", false, top+"a")
			beside := q.Add("mkdir", false, top+"b")
			file := q.Add("create", false, top+"a/f")
			rename := q.Add("rename", false, top+"a", top+"c")
			assert.Empty(t, before(dir), top)
			assert.Empty(t, before(beside), top)
			assert.Equal(t, map[*Errand]bool{dir: true}, before(file), top)
			assert.Equal(t, map[*Errand]bool{dir: true, file: false}, before(rename), top)
			assert.Equal(t, []string{top + "c/f"}, q.Renamed(top+"a/f"))
			assert.ElementsMatch(t, []*Errand{dir, rename}, q.Pending(top+"a/g"), top)

			for _, e := range []*Errand{dir, beside, file, rename} {
				q.Finish(e, nil)
			}
			assert.True(t, q.Idle())
			assert.Empty(t, q.at, top)
			assert.Empty(t, q.below, top)
		}()
		select {
		case <-done:
		case <-time.After(10 * time.Second):
			require.Fail(t, "it goes on for ever", top)
		}
	}
}

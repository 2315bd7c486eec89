package cache

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Programs that open the same files as before, in the same order, get them ahead,
// whatever that order is and however long ago it was; and what has changed meanwhile
// is read anew. Who opens two of them gets no more.
func TestWhatWasOpenedBefore(t *testing.T) {
	const files, opened = 1000, 100
	order := rand.New(rand.NewPCG(1, 1)).Perm(files)[:opened]
	for _, pause := range []time.Duration{time.Second, time.Minute} {
		far(t, Options{}, func(t *testing.T, s *farServer, f *FS) {
			putFiles(s, files, 1000)
			_, err := f.ReadDir(t.Context(), "/d")
			require.NoError(t, err)
			run := func(opened int) int {
				return roundTrips(func() {
					for _, i := range order[:opened] {
						readFile(t, s, f, fmt.Sprintf("/d/%03d", i))
					}
				})
			}
			first := run(opened)
			assert.GreaterOrEqual(t, first, 2*opened-10)
			for round := range 3 {
				time.Sleep(pause)
				for _, i := range order[:opened/2] {
					s.put(fmt.Sprintf("/d/%03d", i), pattern(1000+i))
				}
				if round > 0 { // else what has just changed is opened when its program asks
					time.Sleep(3 * time.Second)
				}
				again := run(opened)
				t.Logf("%d round trips, %d again", first, again)
				if round > 0 {
					assert.LessOrEqual(t, again, 16)
				}
			}
			time.Sleep(walksEnd)
			forgotten(t, f)
			opens := s.count("OPEN")
			run(2)
			synctest.Wait()
			assert.Equal(t, 2, s.count("OPEN")-opens)
		})
	}
}

// Programs side by side do not take turns as before.
func TestWhatSeveralOpenedBefore(t *testing.T) {
	far(t, Options{}, func(t *testing.T, s *farServer, f *FS) {
		const files, programs, each = 1000, 4, 50
		putFiles(s, files, 1000)
		_, err := f.ReadDir(t.Context(), "/d")
		require.NoError(t, err)
		random := rand.New(rand.NewPCG(1, 1))
		order := random.Perm(files)[:programs*each]
		run := func() int {
			var left [programs]int
			return roundTrips(func() {
				for at := 0; at < len(order); at++ {
					p := random.IntN(programs)
					for left[p] == each {
						p = (p + 1) % programs
					}
					readFile(t, s, f, fmt.Sprintf("/d/%03d", order[p*each+left[p]]))
					left[p]++
				}
			})
		}
		first := run()
		time.Sleep(time.Second)
		again := run()
		t.Logf("%d round trips, %d again", first, again)
		assert.LessOrEqual(t, again, first/4)
	})
}

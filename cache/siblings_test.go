package cache

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sftpmount/cache/internal/walk"
)

// A program that goes by names to folder after folder beside each other, in no order,
// has the others listed; and when it opens files there, those of folders with few.
// Who comes to two gets no more. git does that with its loose objects.
func TestFoldersBesideEachOther(t *testing.T) {
	for _, test := range []struct {
		name               string
		folders, filesEach int
		comes              int // to how many of them
		opens              bool
		listed, opened     int // READDIRs and OPENs at most
		atMost             int // round trips
	}{
		{"two", 200, 10, 2, true, 3, 2, 2 * 3},
		{"looks", 200, 2, 200, false, 201, 0, 20},
		{"opens", 150, 1, 150, true, 151, 150, 30},
		{"many files in each", 60, 10, 60, true, 61, 60, 2*60 + 15},
		{"many folders", 2000, 1, 20, true, 21, 20, 20 * 3},
	} {
		t.Run(test.name, func(t *testing.T) {
			far(t, Options{}, func(t *testing.T, s *farServer, f *FS) {
				putTree(s, test.folders, test.filesEach)
				lookAt(t, f, "/d", true)
				random := rand.New(rand.NewPCG(1, 1))
				trips := roundTrips(func() {
					for _, i := range random.Perm(test.folders)[:test.comes] {
						dir := fmt.Sprintf("/d/%04d", i)
						lookAt(t, f, dir, true)
						name := fmt.Sprintf("%s/%d", dir, test.filesEach-1)
						lookAt(t, f, name, true)
						if test.opens {
							readFile(t, s, f, name)
						}
					}
				})
				synctest.Wait() // until what is asked for ahead is on its way
				used, wasted := ahead(f)
				t.Logf("%d round trips, %d listed, %d opened, %d used, %d in vain",
					trips, s.count("READDIR"), s.count("OPEN"), used, wasted)
				assert.LessOrEqual(t, trips, test.atMost+1) // for the first folder
				assert.LessOrEqual(t, s.count("READDIR"), test.listed)
				assert.LessOrEqual(t, s.count("OPEN"), test.opened+2) // a program may ask as the answer comes
			})
		})
	}
}

// Who looks for names that are nowhere in such folders is told so by the listings.
func TestAbsentNamesOfFoldersBesideEachOther(t *testing.T) {
	far(t, Options{}, func(t *testing.T, s *farServer, f *FS) {
		putTree(s, 200, 1)
		lookAt(t, f, "/d", true)
		random := rand.New(rand.NewPCG(1, 1))
		trips := roundTrips(func() {
			for _, i := range random.Perm(200) {
				lookAt(t, f, fmt.Sprintf("/d/%04d", i), true)
				lookAt(t, f, fmt.Sprintf("/d/%04d/absent", i), false)
			}
		})
		t.Logf("%d round trips", trips)
		assert.LessOrEqual(t, trips, 20)
	})
}

// Programs that pick among many files leave room to others that come after them.
func TestWhoPicksGivesWay(t *testing.T) {
	far(t, Options{}, func(t *testing.T, s *farServer, f *FS) {
		for i := range 400 {
			s.put(fmt.Sprintf("/d/%03d", i), pattern(100))
		}
		for i := range 100 {
			s.put(fmt.Sprintf("/e/%03d", i), pattern(100))
		}
		putFiles(s, 400, 100)
		for _, dir := range []string{"/d", "/e"} {
			_, err := f.ReadDir(t.Context(), dir)
			require.NoError(t, err)
		}
		random := rand.New(rand.NewPCG(1, 1))
		for _, i := range random.Perm(400)[:20] {
			readFile(t, s, f, fmt.Sprintf("/d/%03d", i))
		}
		f.mu.Lock()
		assert.Greater(t, f.walks.Held().Handles, walk.MostHandles/2)
		f.mu.Unlock()
		trips := roundTrips(func() {
			for i := range 100 {
				readFile(t, s, f, fmt.Sprintf("/e/%03d", i))
			}
		})
		t.Logf("%d round trips", trips)
		assert.LessOrEqual(t, trips, 25)
	})
}

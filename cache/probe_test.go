package cache

import (
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// lookAt looks path up, and returns the round trips that this took.
func lookAt(t *testing.T, f *FS, path string, there bool) int {
	t.Helper()
	return roundTrips(func() {
		_, err := f.Lstat(t.Context(), path)
		if there {
			assert.NoError(t, err, path)
		} else {
			assert.ErrorIs(t, err, fs.ErrNotExist, path)
		}
	})
}

// A program that looks for names that are not there asks the server for the first
// of them.
func TestNamesThatAreNotThereAreLookedForInListings(t *testing.T) {
	far(t, Options{}, func(t *testing.T, s *farServer, f *FS) {
		putTree(s, 5, 3)
		lookAt(t, f, "/d", true)
		lookAt(t, f, "/d/0000", true)
		time.Sleep(4 * delay) // until all below is listed
		assert.Equal(t, 1, lookAt(t, f, "/d/absent", false))
		assert.Equal(t, 0, lookAt(t, f, "/d/absent too", false))
		assert.Equal(t, 0, lookAt(t, f, "/d/0003/absent", false))
		s.put("/d/0004/new", nil)
		assert.Equal(t, 0, lookAt(t, f, "/d/0004/new", false))
		time.Sleep(5 * time.Second)
		assert.Equal(t, 1, lookAt(t, f, "/d/0004/new", true))
	})
}

// Who makes files looks for them before, which is no reason to believe listings.
func TestMakingFilesIsNotLookingForThem(t *testing.T) {
	far(t, Options{}, func(t *testing.T, s *farServer, f *FS) {
		putFiles(s, 10, 10)
		lookAt(t, f, "/d", true)
		lookAt(t, f, "/d/000", true)
		time.Sleep(delay)
		for i := range 3 {
			name := fmt.Sprintf("/d/made %d", i)
			lookAt(t, f, name, false)
			require.NoError(t, open(t, f, name, newFile).Close(t.Context()))
			s.put(fmt.Sprintf("/d/new %d", i), nil)
			lookAt(t, f, fmt.Sprintf("/d/new %d", i), true)
		}
		assert.Equal(t, 1, lookAt(t, f, "/d/absent", false))
		lookAt(t, f, "/d/made 3", false)
		require.NoError(t, open(t, f, "/d/made 3", newFile).Close(t.Context()))
		assert.Equal(t, 0, lookAt(t, f, "/d/absent too", false), "who makes files may also look for others")
	})
}

// While a program goes on, listings are renewed before they are too old.
func TestListingsAreRenewedForWhoLooksForNames(t *testing.T) {
	for _, dir := range []string{"/d/0007", "/d/.hidden"} {
		far(t, Options{}, func(t *testing.T, s *farServer, f *FS) {
			putTree(s, 20, 3)
			s.mu.Lock()
			s.nodes["/d/.hidden"] = dirNode()
			s.mu.Unlock()
			lookAt(t, f, "/d", true)
			lookAt(t, f, dir, true)
			lookAt(t, f, dir+"/absent", false)
			time.Sleep(delay)
			asked, listed := s.count("LSTAT"), s.count("READDIR")
			const seconds = 60
			for i := range 2 * seconds {
				_, err := f.Lstat(t.Context(), dir)
				require.NoError(t, err)
				lookAt(t, f, fmt.Sprintf("%s/absent %d", dir, i), false)
				time.Sleep(time.Second / 2)
			}
			assert.LessOrEqual(t, s.count("LSTAT")-asked, seconds/5+3,
				"one in 5 s shows that listings are right, and one in 20 s that the folder is there")
			assert.LessOrEqual(t, s.count("READDIR")-listed, seconds*2/5)
			time.Sleep(walksEnd)
			forgotten(t, f)
		})
	}
}

// A program that comes back to a folder of many goes on to those where it was.
func TestFoldersOfBeforeAreListedAgain(t *testing.T) {
	far(t, Options{}, func(t *testing.T, s *farServer, f *FS) {
		putTree(s, 100, 3)
		look := func() (trips int) {
			for _, path := range []string{"/d/0030", "/d/0030/1", "/d/0070/1"} {
				trips += lookAt(t, f, path, true)
			}
			return trips
		}
		lookAt(t, f, "/d", true)
		assert.Equal(t, 3, look())
		time.Sleep(time.Minute)
		lookAt(t, f, "/d", true)
		lookAt(t, f, "/d/0030", true)
		time.Sleep(2 * delay)
		assert.Zero(t, look())
		assert.Equal(t, 2*3, s.count("READDIR"))
	})
}

// A walk leaves a hidden folder, in which a program has looked up a name before, alone.
func TestWalksPassHiddenFoldersBy(t *testing.T) {
	far(t, Options{}, func(t *testing.T, s *farServer, f *FS) {
		putTree(s, 20, 1)
		s.mu.Lock()
		s.nodes["/d/.hidden"] = dirNode()
		for i := range 50 {
			s.nodes[fmt.Sprintf("/d/.hidden/%d", i)] = dirNode()
		}
		s.mu.Unlock()
		lookAt(t, f, "/d", true)
		lookAt(t, f, "/d/.hidden", true)
		lookAt(t, f, "/d/.hidden/7", true)
		for i := range 20 {
			_, err := f.ReadDir(t.Context(), "/d")
			require.NoError(t, err)
			lookAt(t, f, fmt.Sprintf("/d/.hidden/%d", i), true)
			_, err = f.ReadDir(t.Context(), fmt.Sprintf("/d/%04d", i))
			require.NoError(t, err)
		}
		time.Sleep(time.Second)
		assert.LessOrEqual(t, s.count("READDIR"), 3+20)
	})
}

// Hidden folders are left to those who come to them.
func TestHiddenFoldersAreNotListedAhead(t *testing.T) {
	far(t, Options{}, func(t *testing.T, s *farServer, f *FS) {
		hidden := 0 // folders listed
		s.mu.Lock()
		s.nodes["/d/.hidden"] = dirNode()
		for i := range 50 {
			s.nodes[fmt.Sprintf("/d/.hidden/%d", i)] = dirNode()
			s.nodes[fmt.Sprintf("/d/%d", i)] = dirNode()
		}
		s.fail = func(op, path string) error {
			if op == "READDIR" && strings.HasPrefix(path, "/d/.hidden") {
				hidden++
			}
			return nil
		}
		s.mu.Unlock()
		listed := func() int {
			s.mu.Lock()
			defer s.mu.Unlock()
			return hidden
		}
		time.Sleep(time.Minute)
		_, err := f.ReadDir(t.Context(), "/d")
		require.NoError(t, err)
		for i := range 50 {
			_, err := f.ReadDir(t.Context(), fmt.Sprintf("/d/%d", i))
			require.NoError(t, err)
		}
		time.Sleep(time.Second)
		assert.Zero(t, listed())
		lookAt(t, f, "/d/.hidden/7", true)
		time.Sleep(time.Second)
		assert.Equal(t, 1, listed(), "who looks a name up in one does not go through it")
		assert.LessOrEqual(t, roundTrips(func() { listAll(t, f, "/d/.hidden") }), 8)
	})
}

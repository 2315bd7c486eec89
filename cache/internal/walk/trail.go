package walk

import (
	"time"

	"sftpmount/cache/internal/known"
)

// visited is a folder that a program has come to, by listing it or by looking up
// a name in it, and what it has used of it.
type visited struct {
	at                    time.Time
	passed                bool // only to what is in its folders, so far
	folders, files, links trail
}

// trail is which entries of one kind were used. To come back to one of the last two
// does not count.
type trail struct {
	entries     int
	last, prior string
}

func (t *trail) add(name string) {
	if name == t.last {
		return
	}
	if name != t.prior {
		t.entries++
	}
	t.last, t.prior = name, t.last
}

func (v *visited) trail(kind known.Kind) *trail {
	switch kind {
	case known.Folder:
		return &v.folders
	case known.Link:
		return &v.links
	}
	return &v.files
}

// kinds are those of which something was used.
func (v *visited) kinds() (kinds known.Kind) {
	for _, kind := range []known.Kind{known.Folder, known.File, known.Link} {
		if v.trail(kind).entries > 0 {
			kinds |= kind
		}
	}
	return kinds
}

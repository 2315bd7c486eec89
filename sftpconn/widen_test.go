package sftpconn

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// Of a path that is opened a second time, the attributes tell whether it still names
// the same file.
func TestSameFile(t *testing.T) {
	const big = widenAt
	attrs := func(size, mtime uint64, more uint32) Attr {
		return Attr{Valid: AttrAll, Size: size, Mtime: uint32(mtime), Mode: regular, UID: more}
	}
	before := attrs(big, 100, 0)
	for name, test := range map[string]struct {
		now         Attr
		read, write bool // whether it is, for a file that is read, and for one that is written
	}{
		"unchanged":            {before, true, true},
		"read since":           {Attr{Valid: AttrAll, Size: big, Mtime: 100, Mode: regular, Atime: 5}, true, true},
		"written to":           {attrs(big+1000, 101, 0), false, true},
		"longer than written":  {attrs(2*big+1, 101, 0), false, false},
		"shorter":              {attrs(big-1, 101, 0), false, false},
		"of a time before":     {attrs(big, 99, 0), false, false},
		"somebody else's":      {attrs(big, 100, 1), false, false},
		"new and empty":        {attrs(0, 101, 0), false, false},
		"without all of these": {Attr{Size: big, Mtime: 100}, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, test.read, (&file{flags: Read}).isLike(before, test.now), "read")
			assert.Equal(t, test.write, (&file{flags: Write, changes: changes{spread: spread{end: 2 * big}}}).isLike(before, test.now), "written")
		})
	}
	short := attrs(1000, 100, 0)
	assert.False(t, (&file{flags: Write, changes: changes{spread: spread{end: big}}}).isLike(short, short), "a new file may look like it")
}

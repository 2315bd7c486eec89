package known

import (
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"sftpmount/sftpconn"
)

// The order of a listing outlives its entries: who is removed is nobody's neighbour any
// more, and who is made later has no place in it.
func TestOrderAfterRemoval(t *testing.T) {
	attr := sftpconn.Attr{Valid: sftpconn.AttrAll, Mode: syscall.S_IFREG | 0o644}
	var entries []sftpconn.DirEntry
	for _, name := range []string{"c", "d", "b", "a"} {
		entries = append(entries, sftpconn.DirEntry{Name: name, Attr: attr})
	}
	l := newListing(entries, time.Now())
	assert.Equal(t, "a", l.Prior("b", true))

	l.remove("c") // "a" takes its place
	assert.Empty(t, l.Prior("b", true))
	assert.Equal(t, "b", l.Prior("d", true))
	l.set("z", attr)
	assert.Equal(t, LeftOut{not, not}, l.Between("b", "z"))
	assert.Equal(t, LeftOut{not, not}, l.First("z"))
}

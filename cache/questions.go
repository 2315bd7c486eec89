package cache

import (
	"sync/atomic"

	"sftpmount/sftpconn"
)

// questions are what programs ask about paths: those who ask the server the same at the
// same time share the answer, and how many need not ask it is counted.
type questions struct {
	lstat, stat *flights[sftpconn.Attr]
	readDir     *flights[[]sftpconn.DirEntry]
	readlink    *flights[string]

	attributes, listings, links lookupCounter
}

func newQuestions(b *background) *questions {
	return &questions{
		lstat:    newFlights[sftpconn.Attr](b),
		stat:     newFlights[sftpconn.Attr](b),
		readDir:  newFlights[[]sftpconn.DirEntry](b),
		readlink: newFlights[string](b),
	}
}

type lookupCounter struct{ hits, misses atomic.Uint64 }

func (c *lookupCounter) add(hit bool) {
	if hit {
		c.hits.Add(1)
	} else {
		c.misses.Add(1)
	}
}

func (c *lookupCounter) counts() Lookups { return Lookups{c.hits.Load(), c.misses.Load()} }

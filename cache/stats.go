package cache

import "sftpmount/cache/internal/credit"

// Stats tells what an FS has spared its callers since it was made, and what it
// holds.
type Stats struct {
	Attributes, Listings, Links Lookups

	// ReadAhead is file contents, in bytes, those around scattered reads included;
	// ListedAhead is folders, OpenedAhead small files and LinksAhead symbolic links
	// that were read.
	ReadAhead, ListedAhead, OpenedAhead, LinksAhead Ahead

	Names       int   // that something is known of
	NameBytes   int64 // what that takes, estimated
	BlockBytes  int64 // what holds contents that were read ahead
	UnsentBytes int64 // what holds contents that were written and not acknowledged
	UnsentLimit int64 // writers wait when there is more

	// Failed is how many changes and writes failed after they had been answered
	// (AsyncClose).
	Failed uint64
}

// Lookups counts questions by whether they were answered from memory.
type Lookups struct{ Hits, Misses uint64 }

// Ahead counts what was fetched before it was asked for, once it is known what
// became of it.
type Ahead = credit.Outcome

// Stats never waits for the server.
func (f *FS) Stats() Stats {
	s := Stats{
		Attributes:  f.questions.attributes.counts(),
		Listings:    f.questions.listings.counts(),
		Links:       f.questions.links.counts(),
		ReadAhead:   f.readBuffer.outcome(),
		BlockBytes:  f.readBuffer.bytes(),
		UnsentBytes: f.backlog.bytes(),
		UnsentLimit: f.backlog.limit,
	}
	s.Failed = f.errands.Failed()
	f.mu.Lock()
	defer f.mu.Unlock()
	fetched := f.walks.Counts()
	s.ListedAhead, s.OpenedAhead, s.LinksAhead = fetched.Folders, fetched.Files, fetched.Links
	s.Names, s.NameBytes = f.names.Size()
	return s
}

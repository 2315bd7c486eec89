// Package known is what a cache knows of the names on the server: attributes, listings,
// link targets, and which names are absent, each for a time (names.go). Nothing here
// asks the server, starts a goroutine, or takes a lock.
//
// What the server answered is taken in by the methods in learn.go, with the time and the
// generation in which it was asked ([Asked]); what was changed here by those in amend.go,
// which advance the generation. So an answer that a change has overtaken is not believed.
//
//	names, listing         what is remembered, and for how long
//	learn, amend           what is taken in
//	generations, moving    which answers were overtaken
//	links                  names of one file
//	order                  how the entries of a listing follow each other
//	clock, maker           what files that were just made tell of the server
//	rights                 what the server is bound to do
package known

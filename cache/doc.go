// Package cache is a file system over another one: the same answers with fewer
// round trips.
//
// It remembers attributes, listings, link targets and which names are absent,
// for some seconds (names.go); reads ahead of sequential readers
// (readahead.go) and around scattered reads (around.go); lists folders, and opens
// small files, ahead of programs that go through a tree (walk.go), or do what was done
// before (history.go); and writes behind programs, which wait only where they ask to:
// in Flush and Sync (writeback.go). With AsyncClose they wait in Sync alone
// (behind.go).
//
// # What is promised
//
// Open sees what was closed elsewhere before it: the attributes taken with the
// open replace those known, and blocks that were read ahead are discarded where
// size or modification time have changed. A file that was opened ahead may be
// given out for a second (openahead.go). Changes made through this FS are seen
// at once; those made elsewhere within the timeouts of [Options]. What changes
// under several names (hard links made elsewhere, symbolic links that the
// server follows) is known under the name that was used.
//
// # Terms
//
// A content is what is known of a file while it is open: all Files opened by
// the same path share it. Its path is in doubt from a write on until the server
// has been asked again, since nobody here can tell the size and the times that
// other answers, on their way meanwhile, will carry.
//
// An errand is a change that was answered before it is carried out (AsyncClose):
// foreseen is what it is going to lead to.
//
// The generation counts local changes. A request remembers the generation that
// it started in; if its subject was changed since, the answer was overtaken and
// is not remembered.
//
// # Files
//
//	the FS              fs, tree, attrs, options, stats, background
//	what is known       names, listing, learn, amend, links, generations, moving,
//	                    flights, clock
//	open files          open, opens, file, content, prediction, copy
//	reading ahead       readahead, around, blocks
//	walks               arrivals, history, walk, walks, order, reorder, credit, ahead,
//	                    openahead
//	writing behind      writeback, queue, budget, pending, progress
//	with AsyncClose     behind, errand, inorder, foresee, maker, open_behind, late
//
// # Locks
//
// content.mu comes before FS.mu, and FS.mu and flights.mu before background.mu.
// blocks.mu, budget.mu, errands.mu and background.mu are innermost. No lock is held
// while a request is started or awaited.
package cache

// Package cache is a file system over another one: the same answers with fewer
// round trips. It remembers what was asked, asks ahead of programs, and writes behind
// them.
//
// # What is promised
//
// Open sees what was closed elsewhere before it: the attributes taken with the
// open replace those known, and blocks that were read ahead are discarded where
// size or modification time have changed. A file that was opened ahead may be
// given out for a second. Changes made through this FS are seen
// at once; those made elsewhere within the timeouts of [Options]. What changes
// under several names (hard links made elsewhere, symbolic links that the
// server follows) is known under the name that was used.
//
// # Where things are
//
// Below internal is what needs neither FS nor File, and asks nobody:
//
//	known       what is known of names, for how long it is believed, and which answers
//	            a change has overtaken; what the server is bound to allow
//	walk        what programs that go through trees are going to ask for
//	blocks      what was read of files before it was asked for
//	errand      changes that were answered before they are carried out: their order
//	credit      how much may be fetched in vain
//	pathname    paths and the names in them
//
// Here is what asks the server, and who waits for that:
//
//	the FS           fs, options, stats, background
//	names            attrs, tree; questions, flights (who asks the same shares the answer)
//	open files       open, opens (which file is open by which names), file, content
//	                 (what its Files share), prediction (its attributes when all is done),
//	                 failure (of what nobody waited for), copy
//	reading          readahead, streams, around (scattered reads), readbuffer
//	ahead of walks   ahead, openahead
//	writing          writeback, queue, backlog, pending
//	AsyncClose       behind, openbehind, late (a File still to be opened); errands (when
//	                 a change is carried out), inorder (what asks waits for them), foresee
//
// # The life of a READ
//
// [File.ReadAt] (readahead.go) copies what was written here and is on its way, or waits
// for writes that overlap. File.readAhead sees which stream of reads it belongs to, and
// starts reading the blocks that those after it are going to need; or what is around it,
// if it belongs to none (around.go). File.read copies from blocks, waiting for those that
// are being read, and asks the server for the rest. A block that was read whole is
// dropped: the kernel has it.
//
// # The life of a WRITE, and of close(2)
//
// [File.Write] copies the data into the content's queue, merged with what is there
// (queue.go), and waits only where the backlog is full. content.pump sends what may be
// sent, and content.acknowledgeAll takes in what became of it (writeback.go). From the
// first write on the file's attributes are in doubt: names remember none, and what Stat
// answers is predicted, or what the server says with the queue laid over it (content.overlay).
// [File.Flush] sends the rest, waits, and asks for the attributes behind it: those end the
// doubt. It returns a failure once to each File. Close sends what was not flushed.
//
// # The life of a walk
//
// ReadDir, Lstat, Readlink and Open tell FS.walks what programs do. It answers with
// requests (walk.Walks.next), which FS.fetch starts; what came of each is told to it again
// (ahead.go, openahead.go). A listing is learned as any other is. A file that was opened
// ahead is given to the program that opens it, if FS.stillTrue. FS.sweep has taken away
// what nobody came for.
//
// # With AsyncClose
//
// A change whose outcome is sure (foresee.go, known/rights.go) is remembered as if it were
// made, and answered; it is carried out as an errand (FS.behind) when it is its turn. All
// else waits for its own turn (FS.turn), and what only asks for what is before it (inOrder).
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
// # Bounds
//
//	memory of names          Options.MaxEntries, MaxBytes; known.maxLinks, maxGenerations
//	what is read ahead       Options.ReadAhead (a file), ReadBuffer (all, and as much again
//	                         around scattered reads); in vain mostBoldKiB and boldKiB
//	walks                    walk.allowance: handles, half of ReadBuffer, and what is in vain;
//	                         a walk's window
//	what was written         Options.WriteBuffer; maxInFlight for a file
//	errands                  errand.Most, MostUnderWay
//	what was lost            maxLost
//
// # Locks
//
// content.mu comes before FS.mu, and FS.mu and flights.mu before background.mu.
// Those of blocks.Store, backlog, errand.Queue and background are innermost. FS.mu guards
// all of known.Names (but for its Clock), walk.Walks and opens. No lock is held
// while a request is started or awaited.
package cache

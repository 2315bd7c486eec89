// Package walk foresees what programs that go through trees are going to ask for. It is
// told what they do, and says what is to be fetched ahead of them; it asks the server for
// nothing itself, starts no goroutine and takes no lock: its caller's lock guards all of it.
//
// A walk is a list of steps in the order in which its program is expected: folders to be
// listed, files to be opened and read, links to be read (walk.go). It begins when a program
// goes through a folder in order, picks in one in no order, or does what it did before
// ([Walks.Lists], [Walks.LooksUp], [Walks.Opens]), and goes on with each step that is used.
//
// How far ahead a walk may be is its window, which grows while nothing is in vain; what all
// walks may hold and waste together is their allowance.
//
//	programs             what programs do, and what came of what was fetched
//	arrivals, trail      where a walk begins or goes on, by what was used of a folder
//	history              what was done before
//	walk, walks          the steps
//	plan                 which of them are fetched now (Walks.next)
//	reorder              which order a program keeps to
//	allowance            the bounds
//	openedfile           a file that was opened ahead, and how long it is believed
package walk

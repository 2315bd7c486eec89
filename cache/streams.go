package cache

import "sftpmount/cache/internal/blocks"

const (
	// firstWindow is how far ahead of a new stream is read, in bytes.
	firstWindow = blocks.Size

	// boldness is how many times as far as it has come is read ahead of a stream,
	// while little of that turns out to be in vain.
	boldness = 8

	// maxSlack is how far off its place a read may be that still belongs to a
	// stream, in bytes: the kernel sends several of its reads at once, and
	// they overtake each other.
	maxSlack = 512 << 10
)

// stream is a sequence of reads in which each goes on where one before it
// ended, about.
type stream struct {
	active bool
	start  int64 // of its first read
	next   int64 // end of its reads so far
	ahead  int64 // end of what was asked for ahead of it
}

// streams are the last two streams of a File: programs such as cmp, or a
// linker, go through a file in two places at once.
type streams struct {
	recent, other stream
	begun         bool // something was read ahead
	through       bool // the end of a file that is not small was reached
}

// find returns the stream that a read between off and end belongs to, as the
// recent one, and whether it was known, and goes on where it ended. The stream that it
// pushed out is returned too. slack is how far off its place the read may be.
func (s *streams) find(off, end, slack int64) (known, exact bool, pushedOut stream) {
	if !s.recent.takes(off, slack) {
		if s.other.takes(off, slack) {
			s.recent, s.other = s.other, s.recent
		} else {
			pushedOut = s.other
			s.recent, s.other = stream{true, off, end, off}, s.recent
			return false, false, pushedOut
		}
	}
	exact = off == s.recent.next
	s.recent.next = max(s.recent.next, end)
	return true, exact, stream{}
}

// takes reports whether a read at off belongs to the stream. The longer it is,
// the less likely is it that a read comes near by chance.
func (s *stream) takes(off, slack int64) bool {
	slack = min(slack, max(blocks.Size, s.next-s.start))
	return s.active && off >= s.next-slack && off <= s.next+slack
}

// window returns how far ahead of the stream is read: as far as it has come, so
// that it doubles with each window that was used.
func (s *stream) window(limit int64) int64 {
	return max(firstWindow, min(limit, s.next-s.start))
}

// boldWindow is window where a program can be trusted to go on: eight times as far as
// it has come, if it began at the start of the file, or has come some way.
func (s *stream) boldWindow(limit int64) int64 {
	come := s.next - s.start
	if s.start > 0 && come < 2*blocks.Size {
		return 0
	}
	return min(limit, boldness*come)
}

package walk

import (
	"time"

	"sftpmount/cache/internal/blocks"
	"sftpmount/cache/internal/credit"
	"sftpmount/cache/internal/known"
)

// allowance bounds what is fetched ahead of all programs.
type allowance struct {
	steps, kib credit.Account // in vain
	handles    int            // open on the server, or about to be
	blocks     int            // of files, taken until a program comes
	mostBlocks int
}

const (
	// MostHandles bounds the listings under way and the files that are open
	// and not used, since servers have few file descriptors (macOS: 256).
	MostHandles = 192

	// MostCredit is how many steps may be fetched in vain, and mostCreditKiB
	// how much of files, besides a quarter of what is used. Of that, keptCredit and
	// keptCreditKiB are kept for walks that are sure.
	MostCredit    = 640
	mostCreditKiB = 20 << 10
	keptCredit    = 128
	keptCreditKiB = 4 << 10
)

// newAllowance leaves half the buffer of what is read ahead to files that are in
// use.
func newAllowance(readBuffer int64) allowance {
	return allowance{
		steps:      credit.New(MostCredit, 1),
		kib:        credit.New(mostCreditKiB, stepBytes>>10),
		mostBlocks: int(readBuffer / blocks.Size / 2),
	}
}

// earn takes in what the time up to now allows.
func (a *allowance) earn(now time.Time) {
	a.steps.Earn(now)
	a.kib.Earn(now)
}

// has reports whether s may be fetched.
func (a *allowance) has(s *Step) bool {
	a.earn(time.Now())
	return a.hasCredit(s) && a.hasSpace(s)
}

// hasCredit reports whether s may be fetched in vain, by what was earned.
func (a *allowance) hasCredit(s *Step) bool {
	steps, kib := 1, s.file.kib()
	if !s.walk.isSure() {
		steps += keptCredit
		kib += keptCreditKiB
	}
	return a.steps.Enough(steps) && a.kib.Enough(kib)
}

// hasSpace reports whether there is a handle for s, and memory. The last handle is for
// listings, which soon give it back.
func (a *allowance) hasSpace(s *Step) bool {
	most := MostHandles
	if s.Kind == known.File {
		most--
	}
	return a.handles < most && a.blocks+s.file.blocks() <= a.mostBlocks
}

// take takes in that s is about to be fetched.
func (a *allowance) take(s *Step) {
	a.handles++
	a.blocks += s.file.blocks()
	a.steps.Take(1)
	a.kib.Take(s.file.kib())
}

// used takes in that a program came to s.
func (a *allowance) used(s *Step) {
	a.blocks -= s.file.blocks()
	a.steps.Used(1)
	a.kib.Used(s.file.kib())
}

// wasted takes in that no program came to s.
func (a *allowance) wasted(s *Step) { a.blocks -= s.file.blocks() }

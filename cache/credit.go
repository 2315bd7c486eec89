package cache

import (
	"time"

	"sftpmount/cache/internal/known"
)

// credit bounds what is fetched ahead in vain: to a quarter of what was used,
// a constant, and some a second. It is counted in quarters.
type credit struct {
	most   int // the constant
	second int // how many are allowed per second
	left   int // quarters
	at     time.Time
}

func newCredit(most, second int) credit {
	return credit{most: most, second: second, left: 4 * most, at: time.Now()}
}

// earn takes in what the time up to now allows.
func (c *credit) earn(now time.Time) {
	if seconds := int(now.Sub(c.at) / time.Second); seconds > 0 {
		c.at = c.at.Add(time.Duration(seconds) * time.Second)
		c.add(4 * c.second * min(seconds, c.most))
	}
}

// enough reports whether n more may be fetched, of what was earned.
func (c *credit) enough(n int) bool { return c.left >= 4*n }

// take takes in that n are fetched.
func (c *credit) take(n int) { c.left -= 4 * n }

// used takes in that n that were fetched are used.
func (c *credit) used(n int) { c.add(5 * n) }

func (c *credit) add(quarters int) { c.left = min(c.left+quarters, 4*c.most) }

// allowance bounds what is fetched ahead of all programs.
type allowance struct {
	steps, kib credit // in vain
	handles    int    // open on the server, or about to be
	blocks     int    // of files, taken until a program comes
	mostBlocks int
}

const (
	// mostHandles bounds the listings under way and the files that are open
	// and not used, since servers have few file descriptors (macOS: 256).
	mostHandles = 192

	// mostCredit is how many steps may be fetched in vain, and mostCreditKiB
	// how much of files, besides a quarter of what is used. Of that, keptCredit and
	// keptCreditKiB are kept for walks that are sure.
	mostCredit    = 640
	mostCreditKiB = 20 << 10
	keptCredit    = 128
	keptCreditKiB = 4 << 10
)

// newAllowance leaves half the buffer of what is read ahead to files that are in
// use.
func newAllowance(readBuffer int64) allowance {
	return allowance{
		steps:      newCredit(mostCredit, 1),
		kib:        newCredit(mostCreditKiB, stepBytes>>10),
		mostBlocks: int(readBuffer / blockSize / 2),
	}
}

// earn takes in what the time up to now allows.
func (a *allowance) earn(now time.Time) {
	a.steps.earn(now)
	a.kib.earn(now)
}

// has reports whether s may be fetched.
func (a *allowance) has(s *step) bool {
	a.earn(time.Now())
	return a.hasCredit(s) && a.hasSpace(s)
}

// hasCredit reports whether s may be fetched in vain, by what was earned.
func (a *allowance) hasCredit(s *step) bool {
	steps, kib := 1, s.file.kib()
	if !s.walk.isSure() {
		steps += keptCredit
		kib += keptCreditKiB
	}
	return a.steps.enough(steps) && a.kib.enough(kib)
}

// hasSpace reports whether there is a handle for s, and memory. The last handle is for
// listings, which soon give it back.
func (a *allowance) hasSpace(s *step) bool {
	most := mostHandles
	if s.kind == known.File {
		most--
	}
	return a.handles < most && a.blocks+s.file.blocks() <= a.mostBlocks
}

// take takes in that s is about to be fetched.
func (a *allowance) take(s *step) {
	a.handles++
	a.blocks += s.file.blocks()
	a.steps.take(1)
	a.kib.take(s.file.kib())
}

// used takes in that a program came to s.
func (a *allowance) used(s *step) {
	a.blocks -= s.file.blocks()
	a.steps.used(1)
	a.kib.used(s.file.kib())
}

// wasted takes in that no program came to s.
func (a *allowance) wasted(s *step) { a.blocks -= s.file.blocks() }

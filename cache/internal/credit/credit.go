// Package credit bounds what is fetched before it is asked for, and counts what became
// of it.
package credit

import "time"

// Account bounds what is fetched ahead in vain: to a quarter of what was used,
// a constant, and some a second. It is counted in quarters.
type Account struct {
	most   int // the constant
	second int // how many are allowed per second
	left   int // quarters
	at     time.Time
}

// New returns an account with most to begin with, and second more each second.
func New(most, second int) Account {
	return Account{most: most, second: second, left: 4 * most, at: time.Now()}
}

// Earn takes in what the time up to now allows.
func (c *Account) Earn(now time.Time) {
	if seconds := int(now.Sub(c.at) / time.Second); seconds > 0 {
		c.at = c.at.Add(time.Duration(seconds) * time.Second)
		c.add(4 * c.second * min(seconds, c.most))
	}
}

// Enough reports whether n more may be fetched, of what was earned.
func (c *Account) Enough(n int) bool { return c.left >= 4*n }

// Take takes in that n are fetched.
func (c *Account) Take(n int) { c.left -= 4 * n }

// Used takes in that n that were fetched are used.
func (c *Account) Used(n int) { c.add(5 * n) }

func (c *Account) add(quarters int) { c.left = min(c.left+quarters, 4*c.most) }

// Outcome counts what was fetched before it was asked for, once it is known what
// became of it.
type Outcome struct{ Used, Wasted uint64 }

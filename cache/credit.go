package cache

import "time"

// credit bounds what is fetched ahead in vain: to a quarter of what was used,
// mostCredit, and one a second. It is counted in quarters.
type credit struct {
	quarters int
	at       time.Time // up to when time was counted
}

const mostCredit = 512

func newCredit() credit { return credit{4 * mostCredit, time.Now()} }

// take reports whether one more may be fetched.
func (c *credit) take() bool {
	seconds := int(time.Since(c.at) / time.Second)
	c.at = c.at.Add(time.Duration(seconds) * time.Second)
	c.add(4 * min(seconds, mostCredit))
	if c.quarters < 4 {
		return false
	}
	c.quarters -= 4
	return true
}

// used takes in that one that was fetched is used.
func (c *credit) used() { c.add(5) }

func (c *credit) add(quarters int) { c.quarters = min(c.quarters+quarters, 4*mostCredit) }

package credit

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
)

// spend takes as many as there are, and returns how many of them.
func spend(a *Account) (n int) {
	for a.Enough(1) {
		a.Take(1)
		n++
	}
	return n
}

// What is in vain is a constant, a quarter of what is used, and some a second.
func TestAccount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const most, second = 100, 3
		a := New(most, second)
		assert.Equal(t, most, spend(&a))
		assert.False(t, a.Enough(1))

		a.Used(40)
		assert.Equal(t, 40+10, spend(&a))

		time.Sleep(2500 * time.Millisecond)
		a.Earn(time.Now())
		assert.Equal(t, 2*second, spend(&a))
		time.Sleep(500 * time.Millisecond)
		a.Earn(time.Now())
		assert.Equal(t, second, spend(&a), "the rest of a second is not lost")

		time.Sleep(time.Hour)
		a.Earn(time.Now())
		a.Used(1000)
		assert.Equal(t, most, spend(&a), "no more than that is saved")
	})
}

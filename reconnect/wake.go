package reconnect

import (
	"context"
	"time"
)

const (
	clockInterval = 5 * time.Second

	// clockSlack is how far the wall clock may run ahead of the monotonic one
	// in an interval before that counts as sleep.
	clockSlack = 3 * time.Second
)

// watchWakes tells run of moments at which the connection may have died
// silently, or at which connecting may have become possible.
func (s *supervisor) watchWakes(ctx context.Context) {
	network := s.opts.NetworkChanges
	if network == nil {
		network = s.subscribe(ctx)
	}
	clock := time.NewTicker(clockInterval)
	defer clock.Stop()
	last := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case _, ok := <-network:
			if !ok {
				network = nil
				continue
			}
			s.wake("the local network changed")
		case <-clock.C:
			now := time.Now()
			if slept(now.Round(0).Sub(last.Round(0)), now.Sub(last)) {
				s.wake("this machine slept")
			}
			last = now
		}
	}
}

// slept tells from what two clocks measured of one interval whether the machine
// was suspended in it: the monotonic clock stands still then.
func slept(wall, monotonic time.Duration) bool { return wall-monotonic > clockSlack }

// wake never blocks: a reason that was not looked into yet will do for both.
func (s *supervisor) wake(reason string) {
	select {
	case s.wakes <- reason:
	default:
	}
}

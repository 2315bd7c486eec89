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

// subscribe returns a channel of the kernel's news about the network, or nil.
func (s *supervisor) subscribe(ctx context.Context) <-chan struct{} {
	network, err := openNetworkNews()
	if err != nil {
		s.log.Debug("changes of the network will not be noticed", "err", err)
		return nil
	}
	changes := make(chan struct{}, 1)
	stop := context.AfterFunc(ctx, func() { _ = network.Close() })
	s.owned.Go(func() {
		defer stop()
		defer close(changes)
		buf := make([]byte, 4096)
		for {
			// A message that does not fit is cut off: that it came is enough.
			if _, err := network.Read(buf); err != nil && !isOverflow(err) {
				_ = network.Close()
				return
			}
			select {
			case changes <- struct{}{}:
			default:
			}
		}
	})
	return changes
}

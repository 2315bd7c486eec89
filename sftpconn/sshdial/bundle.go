package sshdial

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"sync"
	"time"
)

// several makes connections of up to opts.MaxConns connections of way each.
func several(way Way, opts Options) Way {
	if opts.MaxConns <= 1 {
		return way
	}
	return &bundleWay{Way: way, size: opts.MaxConns, log: opts.logger()}
}

type bundleWay struct {
	Way
	size int
	log  *slog.Logger
}

// Dial makes the first connection of a bundle, the only one that may ask the
// user.
func (w *bundleWay) Dial(ctx context.Context) (Transport, error) {
	first, err := w.Way.Dial(ctx)
	if err != nil {
		return nil, err
	}
	b := &bundle{way: w.Way, size: w.size, log: w.log, members: []Transport{first}}
	b.ctx, b.cancel = context.WithCancel(context.Background())
	return b, nil
}

// bundle is several connections as one. The first channel, which carries
// metadata, has the first connection, and further ones take turns on all. The
// connections are made as channels are asked for. Where one cannot be made,
// the bundle stays as it is for a while.
type bundle struct {
	way  Way
	size int
	log  *slog.Logger

	ctx    context.Context // of the dials
	cancel context.CancelFunc
	dials  sync.Mutex // held for the whole of a dial

	mu      sync.Mutex
	members []Transport
	opened  int       // channels that were asked for
	again   time.Time // when a further member may be tried after one failed
	full    bool      // there will be no further member
	closed  bool
}

// First returns the first connection where transport is several, or transport.
func First(transport Transport) Transport {
	if b, ok := transport.(*bundle); ok {
		b.mu.Lock()
		defer b.mu.Unlock()
		return b.members[0]
	}
	return transport
}

// ServerVersion returns what the server says that it is; "" if that is not known.
func (b *bundle) ServerVersion() string {
	if first, ok := First(b).(interface{ ServerVersion() string }); ok {
		return first.ServerVersion()
	}
	return ""
}

// OpenChannel implements [Transport].
func (b *bundle) OpenChannel(ctx context.Context) (io.ReadWriteCloser, error) {
	b.mu.Lock()
	turn := b.opened
	b.opened++
	b.mu.Unlock()
	members := b.grow(ctx, turn%b.size+1)
	if members == nil {
		return nil, net.ErrClosed
	}
	// A member that takes no further channel may be another's turn.
	var channel io.ReadWriteCloser
	var err error
	for i := range members {
		channel, err = members[(turn+i)%len(members)].OpenChannel(ctx)
		if err == nil || ctx.Err() != nil {
			return channel, err
		}
	}
	return nil, err
}

const (
	// memberTimeout bounds how long a further connection may take. Whoever
	// waits for its channel has others, and must be left the time to open it
	// there.
	memberTimeout = 10 * time.Second

	// memberPause is how long no further connection is tried after one failed.
	memberPause = time.Minute
)

// grow returns the members, n of them if that many can be had. It returns nil
// after Close.
func (b *bundle) grow(ctx context.Context, n int) []Transport {
	b.dials.Lock()
	defer b.dials.Unlock()
	for {
		b.mu.Lock()
		members := b.members
		enough := len(members) >= n || b.full || time.Now().Before(b.again)
		closed := b.closed
		b.mu.Unlock()
		if closed {
			return nil
		}
		if enough || ctx.Err() != nil {
			return members
		}
		b.add()
	}
}

func (b *bundle) add() {
	ctx, cancel := context.WithTimeout(b.ctx, memberTimeout)
	defer cancel()
	member, err := b.way.Dial(ctx)
	b.mu.Lock()
	closed := b.closed
	if err == nil {
		b.members = append(b.members[:len(b.members):len(b.members)], member)
	} else {
		b.again = time.Now().Add(memberPause)
		// Files would wait as long again for what does not answer.
		b.full = IsPermanent(err) || CauseOf(err) == CauseTimeout || errors.Is(err, context.DeadlineExceeded)
	}
	b.mu.Unlock()
	switch {
	case closed && err == nil:
		_ = member.Close()
	case err != nil && !closed:
		b.log.Warn("going on with fewer connections than max_conns", "err", err)
	}
}

// Ping asks all members at once, and fails if one of them does not answer.
func (b *bundle) Ping() error {
	b.mu.Lock()
	members := b.members
	b.mu.Unlock()
	errs := make([]error, len(members))
	var pings sync.WaitGroup
	for i, member := range members {
		pings.Go(func() { errs[i] = member.Ping() })
	}
	pings.Wait()
	return errors.Join(errs...)
}

// Close implements [Transport].
func (b *bundle) Close() error {
	b.mu.Lock()
	b.closed = true
	members := b.members
	b.mu.Unlock()
	b.cancel()
	var closes sync.WaitGroup
	for _, member := range members {
		closes.Go(func() { _ = member.Close() })
	}
	closes.Wait()
	b.dials.Lock() // for a dial that is under way
	defer b.dials.Unlock()
	return nil
}

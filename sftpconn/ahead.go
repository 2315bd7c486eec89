package sftpconn

import "context"

type (
	aheadKey  struct{}
	sizedKey  struct{}
	unreadKey struct{}
	promptKey struct{}
)

// Ahead returns a context for opening a file that nobody has asked for yet, and
// of which about n bytes are going to be read at once. It is opened on a channel
// for file data, of which there are more the more is awaited in that way: nobody's
// metadata waits behind it. The bytes are asked for at the same time, if they are few.
//
// It travels like who asks does (see [WithOwner] and [WithInterrupt]), and is no
// parameter of Open: it changes the request's way and not its outcome, one caller
// has it to say, and the layers in between have nothing to do with it.
func Ahead(ctx context.Context, n int64) context.Context {
	return context.WithValue(ctx, aheadKey{}, n)
}

// aheadIn returns what Ahead put into ctx.
func aheadIn(ctx context.Context) (n int64, ok bool) {
	n, ok = ctx.Value(aheadKey{}).(int64)
	return n, ok
}

// IsAhead reports whether ctx is of Ahead.
func IsAhead(ctx context.Context) bool { return ctx.Value(aheadKey{}) != nil }

// Sized returns a context for opening a file to read it, which is thought to have n
// bytes: the channels that these take are opened at the same time, or the bytes asked
// for, if they are few. It travels as what Ahead says does.
func Sized(ctx context.Context, n int64) context.Context {
	return context.WithValue(ctx, sizedKey{}, n)
}

// sizedIn returns what Sized put into ctx, or 0.
func sizedIn(ctx context.Context) int64 {
	n, _ := ctx.Value(sizedKey{}).(int64)
	return n
}

// Unread returns a context for opening a file of which the caller has nothing in memory:
// who reads it will need what the server has.
func Unread(ctx context.Context) context.Context {
	return context.WithValue(ctx, unreadKey{}, true)
}

// IsUnread reports whether ctx is of Unread.
func IsUnread(ctx context.Context) bool { return ctx.Value(unreadKey{}) != nil }

// Prompt returns a context for reading a file right after it was opened: what was read
// together with its OPEN will do. Any other read asks the server, since the file may
// have been written to meanwhile.
func Prompt(ctx context.Context) context.Context {
	return context.WithValue(ctx, promptKey{}, true)
}

func isPrompt(ctx context.Context) bool { return ctx.Value(promptKey{}) != nil }

// openingTrips is how many round trips it takes to open a channel: for the session,
// its subsystem (before which OpenSSH takes no data), and the version of that.
const openingTrips = 3

// aheadChannel returns a bulk channel for a file of which n bytes are going to be
// read, which counts them as due. It is kept open until letGo. If further channels
// are being opened, and will be there before one that is has done what is due on
// it, it waits for them.
func (c *Conn) aheadChannel(n int64) *channel {
	c.mu.Lock()
	defer c.mu.Unlock()
	b := &c.bulk
	b.waiting += n
	defer func() { b.waiting -= n }()
	c.grow(min(channelsFor(b.load()+b.waiting), c.wantedBulk()))
	best := c.leastBusy()
	for limit := int64(openingTrips * window); best.load.total()+n > limit && len(b.coming) > 0; limit = window {
		b.grown.Wait()
		best = c.leastBusy()
	}
	c.hold(best)
	best.load.due.Add(n)
	return best
}

// arrive takes in that n bytes are asked for, or never will be, of what is due on
// the channel that the file was opened ahead on. f.mu is held.
func (f *file) arrive(n int64) {
	n = min(n, f.reading.due)
	f.reading.due -= n
	f.handles[0].ch.load.due.Add(-n)
}

package cache

import (
	"math"
	"sync"

	"sftpmount/sftpconn"
)

const (
	// packetSize is what a write is merged up to, in bytes: the most that
	// OpenSSH takes in one WRITE (limits@openssh.com).
	packetSize = 261_120

	// mergeable is how many of the newest unsent writes a further one may be
	// merged into. With more unsent than that, the oldest are sent though
	// they are not full.
	mergeable = 8

	// maxInFlight bounds the requests under way for a file.
	maxInFlight = 1024

	maxOffset = math.MaxInt64
)

// op is a write, or a change of attributes, that was asked for. All but file,
// off and set is guarded by content.mu until done is closed.
type op struct {
	file    *File
	off     int64             // of a write; of an append where it is thought to go
	data    []byte            // of a write; not touched any more once it was sent
	set     *sftpconn.SetAttr // of a change of attributes
	waiter  waiter            // for a change of attributes
	seq     uint64            // its number in the queue
	started chan struct{}     // closed when request is set
	request sftpconn.Pending
	done    chan struct{} // closed when the request is answered and err is set
	err     error
}

// waiter says who is to know of the failure of a change of attributes.
type waiter int

const (
	nextFlush waiter = iota
	caller           // it is waiting
	nobody           // failed or not, the attributes are as expected
)

func (o *op) isAppend() bool { return o.set == nil && o.file.flags&sftpconn.Append != 0 }

// end returns where the range that o changes ends.
func (o *op) end() int64 {
	if o.isAppend() {
		return maxOffset
	}
	return o.off + int64(len(o.data))
}

// overlaps reports whether o may change something between from and to.
func (o *op) overlaps(from, to int64) bool {
	if o.set != nil {
		return o.set.Valid&sftpconn.AttrSize != 0
	}
	return o.off < to && from < o.end()
}

// conflicts reports whether later must not be under way at the same time as
// earlier. Requests on one File arrive in their order, but overlapping writes
// might take different channels.
func conflicts(earlier, later *op) bool {
	if earlier.file == later.file && (earlier.set != nil || later.set != nil || later.isAppend()) {
		return false
	}
	if earlier.set != nil || later.set != nil || earlier.isAppend() || later.isAppend() {
		return true
	}
	return earlier.overlaps(later.off, later.end())
}

// queue is what was asked for and is not acknowledged, in the program's order,
// which is the order in which it is sent. It is guarded by content.mu.
type queue struct {
	ops     []*op // ops[:sent] are under way
	sent    int
	last    uint64 // number of the newest op ever
	urgent  uint64 // ops up to this number are sent without waiting for more
	sending bool   // somebody starts ops
	waiting bool   // a goroutine awaits acknowledgements

	blank int64 // from here on nothing was ever written but by ops
}

func (q *queue) add(o *op) {
	q.last++
	o.seq = q.last
	o.started = make(chan struct{})
	o.done = make(chan struct{})
	q.ops = append(q.ops, o)
}

// newest returns the op that was queued last, or nil.
func (q *queue) newest() *op {
	if len(q.ops) == 0 {
		return nil
	}
	return q.ops[len(q.ops)-1]
}

// merge puts as much of p as it can into an unsent write of f, and returns how
// much that was and how much memory it took.
func (q *queue) merge(f *File, p []byte, off int64) (taken, grown int) {
	to := off + int64(len(p))
	for i := len(q.ops) - 1; i >= max(q.sent, len(q.ops)-mergeable); i-- {
		o := q.ops[i]
		if o.set != nil || o.isAppend() != (f.flags&sftpconn.Append != 0) {
			return 0, 0
		}
		at := off - o.off
		if o.isAppend() {
			at = int64(len(o.data))
		}
		if o.file == f && at >= 0 && at <= int64(len(o.data)) && at < packetSize {
			return o.put(p, int(at))
		}
		if o.isAppend() || o.overlaps(off, to) {
			return 0, 0 // it comes first
		}
	}
	return 0, 0
}

// put copies p to data[at:], which ends at a packet's size.
func (o *op) put(p []byte, at int) (taken, grown int) {
	p = p[:min(len(p), packetSize-at)]
	before := cap(o.data)
	if end := at + len(p); end > len(o.data) {
		if end > before {
			o.data = append(newPacket(), o.data...)
		}
		o.data = o.data[:end]
	}
	copy(o.data[at:], p)
	return len(p), cap(o.data) - before
}

// start appends a write of as much of p as a packet holds, and returns like
// merge.
func (q *queue) start(f *File, p []byte, off int64) (taken, grown int) {
	o := &op{file: f, off: off}
	if len(p) >= packetSize || q.follows(f, off) { // more will come
		o.data = newPacket()
	} else {
		o.data = make([]byte, 0, len(p))
	}
	grown = cap(o.data)
	taken, _ = o.put(p, 0)
	q.add(o)
	return taken, grown
}

// packets keeps the memory of full-size writes, which is as much again for every
// write that is sent before it is full.
var packets = sync.Pool{New: func() any { return new([packetSize]byte) }}

func newPacket() []byte { return packets.Get().(*[packetSize]byte)[:0] }

// recycle lets go of the data, which nobody else must use any more.
func (o *op) recycle() {
	if cap(o.data) == packetSize {
		packets.Put((*[packetSize]byte)(o.data[:packetSize]))
	}
	o.data = nil
}

// follows reports whether a write at off goes on where the newest one ended.
func (q *queue) follows(f *File, off int64) bool {
	o := q.newest()
	return o != nil && o.set == nil && o.file == f && o.off+int64(len(o.data)) == off
}

// next returns the op that is to be sent now, or nil. What is not full waits
// for more while anything is under way (Nagle's rule): a lone write is not
// delayed, and many small ones become few.
func (q *queue) next() *op {
	if q.sent == len(q.ops) || q.sent >= maxInFlight {
		return nil
	}
	o := q.ops[q.sent]
	if q.sent == 0 {
		q.urgent = q.last
	}
	if o.seq > q.urgent && len(o.data) < packetSize && len(q.ops)-q.sent <= mergeable {
		return nil // which most small writes come to, so it is asked first
	}
	for _, earlier := range q.ops[:q.sent] {
		if conflicts(earlier, o) {
			return nil
		}
	}
	return o
}

// overlapping returns the newest op that may change something between from and
// to, or nil.
func (q *queue) overlapping(from, to int64) *op {
	for i := len(q.ops) - 1; i >= 0; i-- {
		if q.ops[i].overlaps(from, to) {
			return q.ops[i]
		}
	}
	return nil
}

// copyTo copies to p what will be at off when all is done, and reports whether that
// is known: nothing is stored from blank on. If not, p is of no use.
func (q *queue) copyTo(p []byte, off int64) bool { return copyFrom(q.ops, p, off, q.blank) }

// copyFrom is copyTo for the oldest ops: it takes from the newest of them that
// overlaps, and from the older ones what that one leaves out.
func copyFrom(ops []*op, p []byte, off, blank int64) bool {
	for len(p) > 0 {
		for len(ops) > 0 && !ops[len(ops)-1].overlaps(off, off+int64(len(p))) {
			ops = ops[:len(ops)-1]
		}
		if len(ops) == 0 {
			clear(p)
			return off >= blank
		}
		o := ops[len(ops)-1]
		if o.set != nil || o.isAppend() {
			return false
		}
		ops = ops[:len(ops)-1]
		before := max(0, o.off-off)
		if !copyFrom(ops, p[:before], off, blank) {
			return false
		}
		n := before + int64(copy(p[before:], o.data[off+before-o.off:]))
		p, off = p[n:], off+n
	}
	return true
}

// only returns the File that all ops go through, or nil if there are several or
// none.
func (q *queue) only() *File {
	if len(q.ops) == 0 {
		return nil
	}
	f := q.ops[0].file
	for _, o := range q.ops {
		if o.file != f {
			return nil
		}
	}
	return f
}

// sets returns the changes of mode and owners.
func (q *queue) sets() sftpconn.SetAttr {
	var all sftpconn.SetAttr
	for _, o := range q.ops {
		if o.set != nil {
			all = both(all, *o.set)
		}
	}
	return all
}

// times returns what the changes and writes make of the file's times. now is that of a
// write.
func (q *queue) times(now uint32) (times ourTimes) {
	for _, o := range q.ops {
		switch {
		case o.set != nil && o.set.Valid&sftpconn.AttrTimes != 0:
			times.change(*o.set)
		case o.set == nil, o.set.Valid&sftpconn.AttrSize != 0:
			times.write(now)
		}
	}
	return times
}

// cutting reports whether the size is being set.
func (q *queue) cutting() bool {
	for _, o := range q.ops {
		if o.set != nil && o.set.Valid&sftpconn.AttrSize != 0 {
			return true
		}
	}
	return false
}

// size returns how far the file reaches at least when all is done, and whether
// that is sure, as it is behind a change of size.
func (q *queue) size() (bytes int64, sure bool) {
	for _, o := range q.ops {
		switch {
		case o.set == nil:
			bytes = max(bytes, o.off+int64(len(o.data)))
		case o.set.Valid&sftpconn.AttrSize != 0:
			bytes, sure = int64(o.set.Size), true
		}
	}
	return bytes, sure
}

func (q *queue) bytes() int64 {
	var n int64
	for _, o := range q.ops {
		n += int64(len(o.data))
	}
	return n
}

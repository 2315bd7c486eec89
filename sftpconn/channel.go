package sftpconn

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// request is what every SFTP request packet can do.
type request interface {
	MarshalPacket(id uint32, b []byte) (header, payload []byte, err error)
}

// channel is one SFTP session: a stream of requests to one sftp-server process
// and the stream of its replies. The server handles the requests of a channel
// in order.
//
// A request is started, which queues it and never blocks, and awaited later. That
// can be before the channel is open: what is queued follows as soon as the server
// can take it, without waiting for its VERSION.
//
// Two goroutines, the writer and the reader, own the two streams; they end when
// the channel does, and only then are the unanswered calls failed, so nothing
// looks at a caller's buffer any more.
type channel struct {
	activity *activity
	loops    sync.WaitGroup
	ready    chan struct{} // closed when the server has said its version, and ext is set
	done     chan struct{} // closed when all calls are failed or answered
	ext      extensions
	load     load

	mu     sync.Mutex
	rwc    io.ReadWriteCloser // nil until it is open
	queue  sendQueue
	calls  callTable // started and not answered
	future foretelling
	err    error // why the channel ended; nothing can be started after that
}

// load is how much file data a channel has to move, in bytes.
type load struct {
	inFlight atomic.Int64 // of READ and WRITE under way
	due      atomic.Int64 // of files opened ahead that are not asked for yet
}

func (l *load) total() int64 { return l.inFlight.Load() + l.due.Load() }

// sendQueue is what was started and not yet handed to the stream.
type sendQueue struct {
	wake  *sync.Cond // signals the writer: calls, or the channel's err, have changed
	calls []*call    // oldest first
}

func (q *sendQueue) add(c *call) {
	q.calls = append(q.calls, c)
	q.wake.Signal()
}

// callTable finds the call that a reply is of.
type callTable struct {
	byID map[uint32]*call
	last uint32 // id that was given
}

// newID returns an id that no call has.
func (t *callTable) newID() uint32 {
	t.last++
	for t.byID[t.last] != nil { // wrapped around onto one never answered
		t.last++
	}
	return t.last
}

// newChannel opens a channel, which it takes over. It does not wait for that.
func newChannel(open func() (io.ReadWriteCloser, error), activity *activity) *channel {
	ch := &channel{
		activity: activity,
		ready:    make(chan struct{}),
		done:     make(chan struct{}),
		calls:    callTable{byID: map[uint32]*call{}},
		future:   foretelling{manner: &activity.manner},
	}
	ch.queue.wake = sync.NewCond(&ch.mu)
	ch.loops.Go(func() {
		if err := ch.run(open); err != nil {
			ch.fail(err)
		}
	})
	go func() {
		ch.loops.Wait()
		ch.failCalls()
		close(ch.done)
	}()
	return ch
}

// run opens the stream and sends what is queued, until the channel ends.
func (ch *channel) run(open func() (io.ReadWriteCloser, error)) error {
	rwc, err := open()
	if err != nil {
		return err
	}
	ch.mu.Lock()
	ch.rwc = rwc
	ended := ch.err
	ch.mu.Unlock()
	if ended != nil {
		go closeQuietly(rwc)
		return ended
	}
	ch.loops.Go(func() { ch.fail(ch.readLoop(rwc)) })
	if err := sendInit(rwc); err != nil {
		return err
	}
	return ch.writeLoop(rwc)
}

// awaitReady waits for the server's VERSION, or for the end of the channel, which is
// returned as an error.
func (ch *channel) awaitReady() error {
	select {
	case <-ch.ready:
		return nil
	case <-ch.done:
		return ch.err
	}
}

// streamBuffer is the size of the buffers on both streams, in bytes. It is the
// largest payload of an SSH packet that OpenSSH accepts, so that small requests
// share a packet and large ones fill theirs.
const streamBuffer = 32 << 10

// start queues a request. op and path only serve error messages.
func (ch *channel) start(op, path string, req request) *call {
	return ch.startBulk(op, path, req, 0)
}

// startBulk is start for a request that moves size bytes of file data.
func (ch *channel) startBulk(op, path string, req request, size int) *call {
	c := &call{op: op, path: path, ch: ch, size: int64(size), done: make(chan struct{})}
	ch.load.inFlight.Add(c.size)
	ch.mu.Lock()
	defer ch.mu.Unlock()
	if ch.err != nil {
		c.finish(nil, notSent(ch.err))
		return c
	}
	c.id = ch.calls.newID()
	var err error
	if c.sending.header, c.sending.payload, err = req.MarshalPacket(c.id, nil); err != nil {
		c.finish(nil, err)
		return c
	}
	if size == 0 && len(ch.calls.byID) == 0 && isClosed(ch.ready) {
		c.begun = time.Now()
	}
	ch.future.begin(c, req)
	ch.calls.byID[c.id] = c
	ch.queue.add(c)
	return c
}

func (ch *channel) writeLoop(rwc io.Writer) error {
	w := bufio.NewWriterSize(rwc, streamBuffer)
	for {
		batch := ch.takeQueue()
		if batch == nil {
			return nil
		}
		for _, c := range batch {
			_, err := w.Write(c.sending.header)
			if err == nil && len(c.sending.payload) > 0 {
				_, err = w.Write(c.sending.payload)
				ch.letGo(c)
			}
			c.sending.header, c.sending.payload = nil, nil
			if err != nil {
				return fmt.Errorf("sending to the server: %w", err)
			}
		}
		if err := w.Flush(); err != nil {
			return fmt.Errorf("sending to the server: %w", err)
		}
	}
}

// takeQueue waits for started requests and marks them as sent. It returns nil
// when the channel has ended.
func (ch *channel) takeQueue() []*call {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	for len(ch.queue.calls) == 0 && ch.err == nil {
		ch.queue.wake.Wait()
	}
	if ch.err != nil {
		return nil
	}
	batch := ch.queue.calls
	ch.queue.calls = nil
	for _, c := range batch {
		c.sending.sent, c.sending.held = true, len(c.sending.payload) > 0
	}
	return batch
}

// readLoop returns why there is nothing more to read.
func (ch *channel) readLoop(rwc io.Reader) error {
	r := bufio.NewReaderSize(rwc, streamBuffer)
	ext, err := readVersion(r)
	if err != nil {
		return err
	}
	ch.ext = ext
	close(ch.ready)
	for {
		body, err := readPacket(r, maxReplyLength)
		if err != nil {
			return err
		}
		ch.activity.touch()
		if err := ch.dispatch(body); err != nil {
			return err
		}
	}
}

// dispatch hands a reply to the call that waits for it.
func (ch *channel) dispatch(body []byte) error {
	if len(body) < 5 {
		return fmt.Errorf("%w: a reply of %d bytes", ErrProtocol, len(body))
	}
	id := binary.BigEndian.Uint32(body[1:])
	ch.mu.Lock()
	c := ch.calls.byID[id]
	if c == nil || !c.sending.sent || c.sending.early != nil {
		ch.mu.Unlock()
		return fmt.Errorf("%w: a reply to request %d, which was not made", ErrProtocol, id)
	}
	if c.sending.held {
		c.sending.early = body
		ch.mu.Unlock()
		return nil
	}
	delete(ch.calls.byID, id)
	ch.future.end(c, body)
	ch.mu.Unlock()
	if !c.begun.IsZero() {
		ch.activity.trip.note(time.Since(c.begun))
	}
	c.finish(body, nil)
	return nil
}

// letGo notes that the writer is done with c's payload, which belongs to the
// caller again once c is answered. A reply may have come before.
func (ch *channel) letGo(c *call) {
	ch.mu.Lock()
	c.sending.held = false
	reply := c.sending.early
	if reply != nil {
		delete(ch.calls.byID, c.id)
	}
	ch.mu.Unlock()
	if reply != nil {
		c.finish(reply, nil)
	}
}

// fail ends the channel for the reason err, the first one given.
func (ch *channel) fail(err error) {
	ch.mu.Lock()
	if ch.err != nil {
		ch.mu.Unlock()
		return
	}
	ch.err = err
	ch.queue.wake.Signal()
	rwc := ch.rwc
	ch.mu.Unlock()
	if rwc != nil {
		// On a connection that stands still, Close blocks until the transport
		// is closed, so nobody waits for it.
		go closeQuietly(rwc)
	}
}

// failCalls answers what the server no longer will.
func (ch *channel) failCalls() {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	for _, c := range ch.calls.byID {
		if c.sending.sent {
			c.finish(nil, lost(ch.err))
		} else {
			c.finish(nil, notSent(ch.err))
		}
	}
	ch.calls.byID = nil
	ch.queue.calls = nil
}

// closeQuietly closes what has failed already.
func closeQuietly(c io.Closer) { _ = c.Close() }

func notSent(cause error) error { return fmt.Errorf("%w: %w", ErrNotSent, cause) }

func lost(cause error) error { return fmt.Errorf("%w: %w", ErrLost, cause) }

// maxReplyLength bounds a packet from the server, in bytes: OpenSSH sends at
// most 256 KiB (SFTP_MAX_MSG_LENGTH), and other servers send listings that are
// somewhat longer.
const maxReplyLength = 1 << 20

// readPacket reads a length-prefixed packet and returns its body: type, id and
// the rest.
func readPacket(r io.Reader, limit uint32) ([]byte, error) {
	var length [4]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		return nil, fmt.Errorf("the server ended the SFTP session: %w", err)
	}
	n := binary.BigEndian.Uint32(length[:])
	if n == 0 || n > limit {
		return nil, fmt.Errorf("%w: a packet of %d bytes", ErrProtocol, n)
	}
	body := replyBuffer(int(n))
	if _, err := io.ReadFull(r, body); err != nil {
		return nil, fmt.Errorf("the server ended the SFTP session within a packet: %w", err)
	}
	return body, nil
}

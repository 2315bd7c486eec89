package stats

import (
	"slices"
	"strings"
	"sync"
	"time"

	"sftpmount/fusefs"
)

// Recorder is a [fusefs.Observer] that counts.
type Recorder struct {
	start time.Time

	mu         sync.Mutex
	operations map[string]*Operation
	running    map[*fusefs.Request]struct{}
	openFiles  int
	total      Traffic
	history    history
}

// Operation is what is known of one kind of request.
type Operation struct {
	Name      string
	Failed    uint64
	Durations Histogram // of those that failed, too
}

// Traffic is what programs did, in all or in some time.
type Traffic struct {
	Operations   uint64 // requests of the kernel
	Failed       uint64 // those among them that ended with an error
	ReadBytes    uint64 // file contents that programs, or the kernel for them, read
	WrittenBytes uint64 // and wrote
}

func (t *Traffic) add(r *fusefs.Request) {
	t.Operations++
	if r.Errno != 0 {
		t.Failed++
	}
	switch r.Operation {
	case "read":
		t.ReadBytes += uint64(r.Bytes)
	case "write":
		t.WrittenBytes += uint64(r.Bytes)
	}
}

// New returns a Recorder that has counted nothing.
func New() *Recorder {
	return &Recorder{
		start:      time.Now(),
		operations: make(map[string]*Operation),
		running:    make(map[*fusefs.Request]struct{}),
	}
}

// Begin implements [fusefs.Observer].
func (r *Recorder) Begin(request *fusefs.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.running[request] = struct{}{}
}

// End implements [fusefs.Observer].
func (r *Recorder) End(request *fusefs.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.running, request)
	op := r.operations[request.Operation]
	if op == nil {
		op = &Operation{Name: request.Operation}
		r.operations[request.Operation] = op
	}
	op.Durations.add(request.Took)
	if request.Errno != 0 {
		op.Failed++
	}
	switch {
	case request.Operation == "release":
		r.openFiles--
	case (request.Operation == "open" || request.Operation == "create") && request.Errno == 0:
		r.openFiles++
	}
	r.total.add(request)
	r.history.at(r.second(request.Began.Add(request.Took))).add(request)
}

func (r *Recorder) second(at time.Time) int { return int(at.Sub(r.start) / time.Second) }

// Snapshot is what a Recorder has counted.
type Snapshot struct {
	Operations []Operation // those that there were, by name
	Running    []*fusefs.Request
	OpenFiles  int
	Total      Traffic
	History    []Traffic // of the last whole seconds, at most 60, oldest first
}

// Snapshot returns what was counted up to now. The requests that run are those
// that have taken longer than slow, the oldest first.
func (r *Recorder) Snapshot(slow time.Duration) Snapshot {
	now := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	s := Snapshot{
		OpenFiles: r.openFiles,
		Total:     r.total,
		History:   r.history.before(r.second(now)),
	}
	for _, op := range r.operations {
		s.Operations = append(s.Operations, *op)
	}
	slices.SortFunc(s.Operations, func(a, b Operation) int { return strings.Compare(a.Name, b.Name) })
	for request := range r.running {
		if now.Sub(request.Began) > slow {
			s.Running = append(s.Running, request)
		}
	}
	slices.SortFunc(s.Running, func(a, b *fusefs.Request) int { return a.Began.Compare(b.Began) })
	return s
}

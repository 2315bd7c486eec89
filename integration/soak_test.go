package integration

import (
	"os"
	"strconv"
	"sync"
	"testing"
	"time"
)

// soak is how long each job under faults runs beyond its usual seconds: what
// the variable SOAK says, such as 60s.
var soak = sync.OnceValue(func() time.Duration {
	d, err := time.ParseDuration(os.Getenv("SOAK"))
	if err != nil {
		return 0
	}
	return d
})

// surviveTime is how long a job is repeated under faults.
func surviveTime() time.Duration { return 4*time.Second + soak() }

// repeat calls job until its time is over, once at least.
func repeat(t *testing.T, job func(round int)) {
	t.Helper()
	deadline := time.Now().Add(surviveTime())
	rounds := 0
	for ; rounds == 0 || time.Now().Before(deadline) && !t.Failed(); rounds++ {
		job(rounds)
	}
	t.Log(strconv.Itoa(rounds), "rounds")
}

// A soakReport adds up what all jobs under faults went through.
type soakReport struct {
	mu       sync.Mutex
	faults   int
	drops    int
	compared int64
}

func (r *soakReport) add(m *linkedMount, faults map[string]int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, n := range faults {
		r.faults += n
	}
	r.drops += m.link.Connections() - 1
	r.compared += m.compared.Load()
}

func (r *soakReport) print(t *testing.T, since time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	t.Logf("survived %d faults, connected again %d times and compared %d MiB in %v",
		r.faults, r.drops, r.compared>>20, time.Since(since).Round(time.Second))
}

package integration

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sftpmount/sftpconn/sftptest"
)

// newRandom returns a random source and prints its seed. The variable SEED
// sets it, to see a failure again.
func newRandom(t testing.TB) *rand.Rand {
	t.Helper()
	seed := rand.Uint64()
	if s := os.Getenv("SEED"); s != "" {
		var err error
		seed, err = strconv.ParseUint(s, 10, 64)
		require.NoError(t, err)
	}
	t.Logf("SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// A fault breaks the way to the server for a while.
type fault struct {
	name string
	run  func(m *linkedMount, outage time.Duration)
}

var faults = []fault{
	{"cut", func(m *linkedMount, _ time.Duration) { m.link.Cut() }},
	{"close", func(m *linkedMount, _ time.Duration) { m.link.CloseFIN() }},
	{"silence", func(m *linkedMount, outage time.Duration) { silence(m, outage) }},
	{"silence up", func(m *linkedMount, outage time.Duration) { silence(m, outage, sftptest.Up) }},
	{"silence down", func(m *linkedMount, outage time.Duration) { silence(m, outage, sftptest.Down) }},
	{"silence and cut", func(m *linkedMount, outage time.Duration) {
		m.link.Stall()
		time.Sleep(outage)
		m.link.Cut()
		m.link.Resume()
	}},
	{"refuse", func(m *linkedMount, outage time.Duration) {
		m.link.Refuse()
		m.link.Cut()
		time.Sleep(outage)
		if err := m.link.Accept(); err != nil {
			m.t.Errorf("accept again: %v", err)
		}
	}},
}

func silence(m *linkedMount, outage time.Duration, ways ...sftptest.Direction) {
	m.link.Stall(ways...)
	time.Sleep(outage)
	m.link.Resume()
}

// storm lets faults happen at random moments while do runs. All are shorter
// than the time that operations wait for the link.
func storm(t *testing.T, m *linkedMount, random *rand.Rand, do func()) {
	t.Helper()
	stop, stopped := make(chan struct{}), make(chan struct{})
	count := map[string]int{}
	go func() {
		defer close(stopped)
		for {
			calm := time.Duration(random.Int64N(int64(700 * time.Millisecond)))
			select {
			case <-stop:
				return
			case <-time.After(calm):
			}
			f := faults[random.IntN(len(faults))]
			f.run(m, outage(random))
			count[f.name]++
		}
	}()
	func() {
		defer func() { // a failed test leaves do without returning
			close(stop)
			<-stopped
		}()
		do()
	}()
	t.Logf("%d connections, faults %v", m.link.Connections(), count)
	require.NotEmpty(t, count, "no fault happened")
}

// outage is short mostly, and now and then long enough for the keepalive to
// find the server dead.
func outage(random *rand.Rand) time.Duration {
	if random.IntN(8) == 0 {
		return 4 * time.Second
	}
	return time.Duration(random.Int64N(int64(600 * time.Millisecond)))
}

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
	t.Log(fmt.Sprint(rounds, " rounds"))
}

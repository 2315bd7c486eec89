package integration

import (
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
	{"delay", func(m *linkedMount, outage time.Duration) {
		m.link.SetDelay(300 * time.Millisecond)
		time.Sleep(outage)
		m.link.SetDelay(0)
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

// A weather is what a storm is made of.
type weather struct {
	faults []fault
	calm   time.Duration // the longest between two of them
	random *rand.Rand
}

func newWeather(faults []fault, calm time.Duration, random *rand.Rand) weather {
	return weather{faults, calm, rand.New(rand.NewPCG(random.Uint64(), 1))}
}

// storm lets faults happen at random moments while do runs, and returns how
// many of which. All are shorter than the time that operations wait for the
// link.
func storm(t *testing.T, m *linkedMount, w weather, do func()) map[string]int {
	t.Helper()
	stop, stopped := make(chan struct{}), make(chan struct{})
	begin, count := time.Now(), map[string]int{}
	go func() {
		defer close(stopped)
		for {
			calm := float64(w.random.Int64N(int64(w.calm)))
			// Who has little time between two faults, as on a busy machine, gets
			// more of it after a while, and so to an end.
			late := time.Since(begin).Seconds() / (2 * surviveTime().Seconds())
			select {
			case <-stop:
				return
			case <-time.After(time.Duration(calm * max(1, late))):
			}
			f := w.faults[w.random.IntN(len(w.faults))]
			f.run(m, outage(w.random))
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
	return count
}

// outage is short mostly, and now and then long enough for the keepalive to
// find the server dead.
func outage(random *rand.Rand) time.Duration {
	if random.IntN(8) == 0 {
		return 4 * time.Second
	}
	return time.Duration(random.Int64N(int64(600 * time.Millisecond)))
}

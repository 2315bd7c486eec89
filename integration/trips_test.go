package integration

import (
	"errors"
	"fmt"
	"math"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// fewerTrips measures round trips until they are fewer than limit, for a minute
// at most: other programs take this machine's time, too.
func fewerTrips(t *testing.T, limit float64, measure func() float64) {
	t.Helper()
	fewest := math.Inf(1)
	for begin := time.Now(); fewest >= limit && time.Since(begin) < time.Minute; {
		trips := measure()
		t.Logf("%.1f round trips", trips)
		fewest = min(fewest, trips)
	}
	assert.Less(t, fewest, limit, "round trips")
}

// trips returns how many round trips a script takes in a folder of the mount: the
// time by the delay of the line. One that takes as many as limit is ended.
func (m *linkedMount) trips(dir, script string, delay time.Duration, limit float64) float64 {
	m.t.Helper()
	m.link.SetDelay(delay)
	defer m.link.SetDelay(0)
	deadline := fmt.Sprint((delay * time.Duration(limit)).Seconds())
	start := time.Now()
	out, err := tryRun(m.t, m.path(dir), "timeout", deadline, "bash", "-euc", script)
	took := time.Since(start)
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == 124 { // timeout(1)
		return math.Inf(1)
	}
	require.NoError(m.t, err, "%s\n%s", script, out)
	return float64(took) / float64(delay)
}

package integration

import (
	"cmp"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// benchPlan says how much TestBench does.
type benchPlan struct {
	write  bool // the results into docs
	runs   int  // of each measurement, whose median counts
	delays []time.Duration
	only   *regexp.Regexp // names of the workloads
	big    int64          // size of the big file on a line without delay, bytes
}

// planBench reads the plan from the environment: BENCH is quick or full, and
// BENCH_RUNS, BENCH_DELAYS (in ms), BENCH_MIB (the size of the big file) and
// BENCH_ONLY (a regular expression) change what follows from it.
func planBench(t *testing.T) benchPlan {
	t.Helper()
	delays, runs := "0,20,100", "3"
	p := benchPlan{write: true, big: 1 << 30}
	switch os.Getenv("BENCH") {
	case "":
		t.Skip("measures for long: BENCH is not set")
	case "quick":
		delays, runs = "0,20", "1"
		p.write, p.big = false, 256<<20
	case "full":
	default:
		require.Fail(t, "BENCH is neither quick nor full")
	}
	mib, err := strconv.ParseInt(setting("BENCH_MIB", strconv.FormatInt(p.big>>20, 10)), 10, 64)
	require.NoError(t, err, "BENCH_MIB")
	p.big = mib << 20
	p.runs, err = strconv.Atoi(setting("BENCH_RUNS", runs))
	require.NoError(t, err, "BENCH_RUNS")
	for field := range strings.SplitSeq(setting("BENCH_DELAYS", delays), ",") {
		ms, err := strconv.Atoi(field)
		require.NoError(t, err, "BENCH_DELAYS")
		p.delays = append(p.delays, time.Duration(ms)*time.Millisecond)
	}
	p.only, err = regexp.Compile(setting("BENCH_ONLY", "."))
	require.NoError(t, err, "BENCH_ONLY")
	return p
}

func setting(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}

// bigFor is the size of the big file: what a slow client moves over a slow line
// is enough to tell its rate.
func (p benchPlan) bigFor(delay time.Duration) int64 {
	switch {
	case delay == 0:
		return p.big
	case delay <= 20*time.Millisecond:
		return p.big / 4
	default:
		return p.big / 16
	}
}

// Everyday work on mounts of sshfs and of this program, in turn, over the same
// server and the same line, and the same work done on the server. The results
// go into docs/performance.md (make bench).
func TestBench(t *testing.T) {
	plan := planBench(t)
	var reports []benchReport
	for _, delay := range plan.delays {
		report := benchReport{delay: delay, runs: plan.runs, big: plan.bigFor(delay)}
		b := newBench(t, delay, report.big)
		results := map[string]map[string][]sample{}
		for range plan.runs {
			for _, w := range workloads {
				if !plan.only.MatchString(w.name) {
					continue
				}
				if results[w.name] == nil {
					results[w.name] = map[string][]sample{}
				}
				for _, who := range contenders {
					s := b.measure(w, who)
					t.Logf("%v %s: %s %s", delay, w.name, who, s.show(w))
					results[w.name][who] = append(results[w.name][who], s)
				}
			}
		}
		for _, w := range workloads {
			if all := results[w.name]; all != nil {
				report.rows = append(report.rows, benchRow{w, medians(all)})
			}
		}
		reports = append(reports, report)
		t.Log("\n" + report.table())
	}
	if plan.write {
		writeReports(t, reports)
	}
}

// sample is one measurement.
type sample struct {
	took   time.Duration
	perSec float64       // bytes, or operations, if the workload counts them
	cpu    time.Duration // of the client's processes
	memory int64         // the most that they held, bytes
}

// medians returns the middle one of each contender's samples, the quicker one of
// two.
func medians(all map[string][]sample) map[string]sample {
	median := map[string]sample{}
	for who, samples := range all {
		slices.SortFunc(samples, func(a, b sample) int {
			return cmp.Or(cmp.Compare(b.perSec, a.perSec), cmp.Compare(a.took, b.took))
		})
		median[who] = samples[(len(samples)-1)/2]
	}
	return median
}

package stats

import (
	"math"
	"math/bits"
	"time"
)

const (
	// perOctave is how many buckets a doubling of the duration has: each is a
	// quarter wider than the one before, at most, so that a quantile is off by
	// no more than that.
	perOctave = 4

	// octaves from 1 µs on: the last bucket takes all from 4 hours.
	octaves = 33

	buckets = perOctave * octaves
)

// Histogram counts durations in buckets that grow with them.
type Histogram struct {
	Count uint64
	Sum   time.Duration
	Max   time.Duration

	counts [buckets]uint64
}

// add counts d.
func (h *Histogram) add(d time.Duration) {
	h.Count++
	h.Sum += d
	h.Max = max(h.Max, d)
	h.counts[bucket(d)]++
}

// bucket returns the index of the bucket that d falls into: its octave by the
// highest bit that is set, and its quarter of that by the next two.
func bucket(d time.Duration) int {
	µs := uint64(max(d, 0) / time.Microsecond)
	if µs < perOctave {
		return int(µs) // below 4 µs there are no quarters
	}
	octave := bits.Len64(µs) - 1
	quarter := µs >> (octave - 2) & (perOctave - 1)
	return min((octave-1)*perOctave+int(quarter), buckets-1)
}

// bound returns where the bucket at an index ends.
func bound(index int) time.Duration {
	index++
	if index < perOctave {
		return time.Duration(index) * time.Microsecond
	}
	octave, quarter := index/perOctave+1, index%perOctave
	return time.Duration(perOctave+quarter) << (octave - 2) * time.Microsecond
}

// Quantile returns the duration that a share q of all did not exceed, with the
// error of a bucket's width; 0 if there were none.
func (h *Histogram) Quantile(q float64) time.Duration {
	if h.Count == 0 {
		return 0
	}
	rank := uint64(math.Ceil(q * float64(h.Count)))
	var seen uint64
	for i, n := range h.counts {
		if seen += n; seen >= max(rank, 1) {
			return min(bound(i), h.Max)
		}
	}
	return h.Max
}

// Cumulative returns how many durations fell below each bound, for bounds that
// quadruple from 16 µs to 4.7 minutes.
func (h *Histogram) Cumulative() map[time.Duration]uint64 {
	below := make(map[time.Duration]uint64)
	var seen uint64
	next := 16 * time.Microsecond
	for i, n := range h.counts {
		seen += n
		if bound(i) == next {
			below[next] = seen
			next *= 4
		}
		if next > 5*time.Minute {
			break
		}
	}
	return below
}

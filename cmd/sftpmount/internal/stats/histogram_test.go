package stats

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestBuckets(t *testing.T) {
	assert.Equal(t, 0, bucket(-1))
	for i := range buckets - 1 {
		assert.Equal(t, i, bucket(bound(i)-1), "just below the bound %v", bound(i))
		assert.Equal(t, i+1, bucket(bound(i)), "the bound %v", bound(i))
	}
	assert.Equal(t, buckets-1, bucket(math.MaxInt64))
	for i := perOctave; i < buckets; i++ {
		assert.LessOrEqual(t, float64(bound(i))/float64(bound(i-1)), 1.25)
	}
}

func TestQuantiles(t *testing.T) {
	var h Histogram
	assert.Zero(t, h.Quantile(0.5))
	random := rand.New(rand.NewPCG(1, 2))
	var all []time.Duration
	for range 10_000 {
		d := time.Duration(math.Exp(random.NormFloat64()*2) * float64(10*time.Millisecond))
		all = append(all, d)
		h.add(d)
	}
	slices.Sort(all)
	for _, q := range []float64{0, 0.01, 0.5, 0.9, 0.99, 1} {
		exact := all[max(0, int(math.Ceil(q*10_000))-1)]
		got := h.Quantile(q)
		assert.LessOrEqual(t, exact, got, q)
		assert.Less(t, float64(got), 1.26*float64(exact)+float64(time.Microsecond), q)
	}
	assert.Equal(t, all[9_999], h.Max)
	assert.EqualValues(t, 10_000, h.Count)

	below := h.Cumulative()
	require.Len(t, below, 13)
	for limit, n := range below {
		i, _ := slices.BinarySearch(all, limit)
		assert.EqualValues(t, i, n, limit)
	}
}

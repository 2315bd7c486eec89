// Package metrics serves what is known of a mount to Prometheus.
package metrics

import (
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sftpmount/cmd/sftpmount/internal/stats"
	"sftpmount/cmd/sftpmount/internal/status"
)

// A Mount is what metrics are made from. Its methods never wait for the server
// that it leads to.
type Mount interface {
	Report() status.Report
	Snapshot(slow time.Duration) stats.Snapshot
}

// collector meets prometheus.Collector.
type collector struct {
	mount                     Mount
	metrics                   []metric
	info, durations, failures *prometheus.Desc
}

func newCollector(mount Mount) *collector {
	return &collector{
		mount:   mount,
		metrics: metrics(),
		info: prometheus.NewDesc(prefix+"info",
			"What is mounted where.", []string{"version", "source", "mountpoint"}, nil),
		durations: prometheus.NewDesc(prefix+"operation_duration_seconds",
			"How long operations took, by FUSE's name.", []string{"operation"}, nil),
		failures: prometheus.NewDesc(prefix+"operation_errors_total",
			"Operations that ended with an error, such as that a name does not exist.", []string{"operation"}, nil),
	}
}

func (c *collector) Describe(to chan<- *prometheus.Desc) {
	to <- c.info
	to <- c.durations
	to <- c.failures
	for _, m := range c.metrics {
		to <- m.desc
	}
}

func (c *collector) Collect(to chan<- prometheus.Metric) {
	report := c.mount.Report()
	to <- prometheus.MustNewConstMetric(c.info, prometheus.GaugeValue, 1,
		report.Version, label(report.Source), label(report.Mountpoint))
	for _, m := range c.metrics {
		to <- prometheus.MustNewConstMetric(m.desc, m.kind, m.value(&report), m.labels...)
	}
	operations := c.mount.Snapshot(0).Operations
	for i := range operations {
		op := &operations[i]
		below := make(map[float64]uint64)
		for bound, n := range op.Durations.Cumulative() {
			below[bound.Seconds()] = n
		}
		to <- prometheus.MustNewConstHistogram(c.durations, op.Durations.Count, op.Durations.Sum.Seconds(), below, op.Name)
		to <- prometheus.MustNewConstMetric(c.failures, prometheus.CounterValue, float64(op.Failed), op.Name)
	}
}

// label makes text what the value of a label must be.
func label(text string) string { return strings.ToValidUTF8(text, "?") }

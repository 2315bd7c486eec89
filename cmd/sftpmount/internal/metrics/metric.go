package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"sftpmount/cmd/sftpmount/internal/status"
)

// A metric is one that a report gives the value of.
type metric struct {
	desc   *prometheus.Desc
	kind   prometheus.ValueType
	labels []string // values of the labels of desc
	value  func(r *status.Report) float64
}

const prefix = "sftpmount_"

func counter(name, help string, value func(r *status.Report) float64) metric {
	return metric{prometheus.NewDesc(prefix+name, help, nil, nil), prometheus.CounterValue, nil, value}
}

func gauge(name, help string, value func(r *status.Report) float64) metric {
	return metric{prometheus.NewDesc(prefix+name, help, nil, nil), prometheus.GaugeValue, nil, value}
}

// family is metrics that differ in the values of their labels.
func family(name, help string, labels []string, kind prometheus.ValueType, members []member) []metric {
	desc := prometheus.NewDesc(prefix+name, help, labels, nil)
	var list []metric
	for _, m := range members {
		list = append(list, metric{desc, kind, m.labels, m.value})
	}
	return list
}

type member struct {
	labels []string
	value  func(r *status.Report) float64
}

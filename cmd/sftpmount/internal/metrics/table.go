package metrics

import (
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"sftpmount/cmd/sftpmount/internal/status"
)

// metrics lists those that are one number of a report.
func metrics() []metric {
	return slices.Concat(connectionMetrics(), requestMetrics(), cacheMetrics())
}

func connectionMetrics() []metric {
	return []metric{
		gauge("up", "Whether there is a connection to the server.", func(r *status.Report) float64 {
			if r.Connection.State == "up" {
				return 1
			}
			return 0
		}),
		counter("connections_total", "Connections that were made to the server.",
			func(r *status.Report) float64 { return float64(r.Connection.Number) }),
		gauge("failed_attempts", "Failed attempts to connect since the connection was lost.",
			func(r *status.Report) float64 { return float64(r.Connection.Attempts) }),
		gauge("channels", "SFTP channels of the connection.",
			func(r *status.Report) float64 { return float64(r.Connection.Server.Channels) }),
		gauge("round_trip_seconds", "Time to the server and back, as measured when the connection was made.",
			func(r *status.Report) float64 { return r.Connection.Server.RoundTrip }),
		gauge("in_flight_bytes", "File contents that are asked for or sent, and not acknowledged.",
			func(r *status.Report) float64 { return float64(r.Connection.Server.InFlight) }),
	}
}

func requestMetrics() []metric {
	return []metric{
		counter("read_bytes_total", "File contents that programs read.",
			func(r *status.Report) float64 { return float64(r.Traffic.Total.ReadBytes) }),
		counter("written_bytes_total", "File contents that programs wrote.",
			func(r *status.Report) float64 { return float64(r.Traffic.Total.WrittenBytes) }),
		gauge("slow_operations", "Operations that have been running for longer than a second.",
			func(r *status.Report) float64 { return float64(len(r.Running)) }),
		gauge("open_files", "Files that are open.",
			func(r *status.Report) float64 { return float64(r.OpenFiles) }),
		gauge("unsent_bytes", "File contents that were written and are not acknowledged by the server.",
			func(r *status.Report) float64 { return float64(r.Unsent.Bytes) }),
		gauge("unsent_limit_bytes", "Writers wait when more than this is unsent.",
			func(r *status.Report) float64 { return float64(r.Unsent.Limit) }),
		gauge("unsent_files", "Files with unsent contents.",
			func(r *status.Report) float64 { return float64(len(r.Unsent.Files)) }),
		counter("failed_behind_total", "Changes that failed after they had been answered (async_close).",
			func(r *status.Report) float64 { return float64(r.Unsent.Failed) }),
		counter("panics_total", "Requests that failed by a mistake in this program.",
			func(r *status.Report) float64 { return float64(r.Panics) }),
	}
}

func cacheMetrics() []metric {
	list := family("cache_lookups_total", "Questions of programs, by whether memory answered them.",
		[]string{"kind", "result"}, prometheus.CounterValue, []member{
			{[]string{"attributes", "hit"}, func(r *status.Report) float64 { return float64(r.Cache.Attributes.Hits) }},
			{[]string{"attributes", "miss"}, func(r *status.Report) float64 { return float64(r.Cache.Attributes.Misses) }},
			{[]string{"listing", "hit"}, func(r *status.Report) float64 { return float64(r.Cache.Listings.Hits) }},
			{[]string{"listing", "miss"}, func(r *status.Report) float64 { return float64(r.Cache.Listings.Misses) }},
			{[]string{"link", "hit"}, func(r *status.Report) float64 { return float64(r.Cache.Links.Hits) }},
			{[]string{"link", "miss"}, func(r *status.Report) float64 { return float64(r.Cache.Links.Misses) }},
		})
	list = append(list, family("read_ahead_bytes_total", "File contents that were read ahead, by what became of them.",
		[]string{"outcome"}, prometheus.CounterValue, []member{
			{[]string{"used"}, func(r *status.Report) float64 { return float64(r.Cache.ReadAhead.Used) }},
			{[]string{"wasted"}, func(r *status.Report) float64 { return float64(r.Cache.ReadAhead.Wasted) }},
		})...)
	list = append(list, family("listed_ahead_total", "Folders that were listed ahead, by what became of that.",
		[]string{"outcome"}, prometheus.CounterValue, []member{
			{[]string{"used"}, func(r *status.Report) float64 { return float64(r.Cache.ListedAhead.Used) }},
			{[]string{"wasted"}, func(r *status.Report) float64 { return float64(r.Cache.ListedAhead.Wasted) }},
		})...)
	list = append(list,
		gauge("cached_names", "Names that something is known of.",
			func(r *status.Report) float64 { return float64(r.Cache.Names) }))
	return append(list, family("cache_bytes", "Memory that caches take.",
		[]string{"kind"}, prometheus.GaugeValue, []member{
			{[]string{"names"}, func(r *status.Report) float64 { return float64(r.Cache.NameBytes) }},
			{[]string{"contents"}, func(r *status.Report) float64 { return float64(r.Cache.BlockBytes) }},
		})...)
}

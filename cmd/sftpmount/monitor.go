package main

import (
	"cmp"
	"log/slog"
	"net"
	"os"
	"slices"
	"time"

	"sftpmount/cache"
	"sftpmount/cmd/sftpmount/internal/audit"
	"sftpmount/cmd/sftpmount/internal/logfile"
	"sftpmount/cmd/sftpmount/internal/metrics"
	"sftpmount/cmd/sftpmount/internal/stats"
	"sftpmount/cmd/sftpmount/internal/status"
	"sftpmount/fusefs"
)

const (
	// slowRequest is from which age on status lists a request that runs.
	slowRequest = time.Second

	// rateSeconds is over how many seconds status averages.
	rateSeconds = 10
)

// A monitor sees what is done on a mount and tells how it is. It meets
// fusefs.Observer, status.Mount and metrics.Mount.
type monitor struct {
	*stats.Recorder
	others     []fusefs.Observer
	source     string
	mountpoint string

	slow     *slowLog        // nil: none
	audit    *logfile.File   // nil: none
	listener net.Listener    // for metrics; nil: none
	server   *status.Server  // nil: nobody can ask
	metrics  *metrics.Server // nil: none

	// Set by start.
	stack   *stack
	fuse    *fusefs.Server
	mounted time.Time
}

// newMonitor opens what the options name. stop must be called in the end.
func newMonitor(o *options, log *slog.Logger) (*monitor, error) {
	m := &monitor{Recorder: stats.New(), source: o.target.String(), mountpoint: o.mountpoint}
	var err error
	if o.log.slow > 0 {
		m.slow = newSlowLog(o.log.slow, m.Recorder, log)
		m.others = append(m.others, m.slow)
	}
	if o.log.audit != "" {
		if m.audit, err = logfile.Open(o.log.audit); err != nil {
			m.stop(nil)
			return nil, failure(exitFailure, "option \"audit_log\": %w", err)
		}
		m.others = append(m.others, audit.New(m.audit, log))
	}
	if o.log.metrics != "" {
		if m.listener, err = metrics.Listen(o.log.metrics); err != nil {
			m.stop(nil)
			return nil, failure(exitFailure, "option \"metrics\": %w", err)
		}
	}
	return m, nil
}

// start begins to answer. A mount that nobody can ask is a mount all the same,
// so a failure is only logged.
func (m *monitor) start(stack *stack, fuse *fusefs.Server, log *slog.Logger) {
	m.stack, m.fuse, m.mounted = stack, fuse, time.Now()
	var err error
	if m.server, err = status.Serve(m); err != nil {
		log.Warn("sftpmount status will not know this mount", "err", err)
	}
	if m.listener != nil {
		if m.metrics, err = metrics.Serve(m.listener, m); err != nil {
			log.Error("there will be no metrics", "err", err)
		}
	}
}

// stop tells those who wait for the end of the mount how it ended.
func (m *monitor) stop(err error) {
	if m.server != nil {
		m.server.Close(exitCode(err), err)
	}
	if m.metrics != nil {
		m.metrics.Close()
	}
	if m.listener != nil {
		_ = m.listener.Close()
	}
	if m.slow != nil {
		m.slow.close()
	}
	if m.audit != nil {
		_ = m.audit.Close()
	}
}

// Begin implements fusefs.Observer.
func (m *monitor) Begin(r *fusefs.Request) {
	m.Recorder.Begin(r)
	for _, o := range m.others {
		o.Begin(r)
	}
}

// End implements fusefs.Observer.
func (m *monitor) End(r *fusefs.Request) {
	m.Recorder.End(r)
	for _, o := range m.others {
		o.End(r)
	}
}

// Unmount implements status.Mount.
func (m *monitor) Unmount() error { return m.fuse.Unmount() }

// Progress implements status.Mount.
func (m *monitor) Progress() status.Progress {
	p := status.Progress{State: m.stack.remote.Status().State.String()}
	for _, bytes := range m.stack.cache.Unsent() {
		p.UnsentFiles++
		p.UnsentBytes += bytes
	}
	return p
}

// Report implements status.Mount.
func (m *monitor) Report() status.Report {
	counted := m.Snapshot(slowRequest)
	r := status.Report{
		Version:    versionText(),
		PID:        os.Getpid(),
		Source:     m.source,
		Mountpoint: m.mountpoint,
		Mounted:    m.mounted,
		Time:       time.Now(),
		Connection: m.connection(),
		Traffic:    traffic(&counted),
		OpenFiles:  counted.OpenFiles,
		Panics:     m.fuse.Panics(),
		Operations: []status.Operation{},
		Running:    []status.Running{},
	}
	for i := range counted.Operations {
		op := &counted.Operations[i]
		r.Operations = append(r.Operations, status.Operation{
			Name:   op.Name,
			Count:  op.Durations.Count,
			Failed: op.Failed,
			Total:  op.Durations.Sum.Seconds(),
			Median: op.Durations.Quantile(0.5).Seconds(),
			P99:    op.Durations.Quantile(0.99).Seconds(),
			Max:    op.Durations.Max.Seconds(),
		})
	}
	for _, request := range counted.Running {
		r.Running = append(r.Running, status.Running{
			Operation: request.Operation,
			Path:      request.Path(),
			Age:       r.Time.Sub(request.Began).Seconds(),
			PID:       request.PID,
			UID:       request.UID,
		})
	}
	kept := m.stack.cache.Stats()
	r.Cache = cacheReport(kept)
	r.Unsent = unsentReport(kept, m.stack.cache.Unsent())
	return r
}

func (m *monitor) connection() status.Connection {
	s := m.stack.remote.Status()
	c := status.Connection{
		State:    s.State.String(),
		Since:    s.Since,
		Number:   s.Connection,
		Attempts: s.Attempts,
		Server:   status.Remote{Host: m.source},
	}
	if current := m.stack.current.Load(); current != nil {
		c.Server = current.describe()
	}
	if !s.Next.IsZero() {
		c.NextAttempt = &s.Next
	}
	if s.LastError != nil {
		c.LastError, c.FailedAt = oneLine(s.LastError), &s.FailedAt
	}
	return c
}

func traffic(s *stats.Snapshot) status.Traffic {
	t := status.Traffic{Total: status.Amount(s.Total), Seconds: []status.Amount{}}
	for _, second := range s.History {
		t.Seconds = append(t.Seconds, status.Amount(second))
	}
	recent := s.History[max(0, len(s.History)-rateSeconds):]
	for _, second := range recent {
		n := float64(len(recent))
		t.PerSecond.Operations += float64(second.Operations) / n
		t.PerSecond.ReadBytes += float64(second.ReadBytes) / n
		t.PerSecond.WrittenBytes += float64(second.WrittenBytes) / n
	}
	return t
}

func cacheReport(s cache.Stats) status.Cache {
	return status.Cache{
		Attributes:  status.Lookups(s.Attributes),
		Listings:    status.Lookups(s.Listings),
		Links:       status.Lookups(s.Links),
		ReadAhead:   status.Ahead(s.ReadAhead),
		ListedAhead: status.Ahead(s.ListedAhead),
		Names:       s.Names,
		NameBytes:   s.NameBytes,
		BlockBytes:  s.BlockBytes,
	}
}

func unsentReport(s cache.Stats, files map[string]int64) status.Unsent {
	u := status.Unsent{Limit: s.UnsentLimit, Failed: s.Failed, Files: []status.UnsentFile{}}
	for path, bytes := range files {
		u.Bytes += bytes
		u.Files = append(u.Files, status.UnsentFile{Path: path, Bytes: bytes})
	}
	slices.SortFunc(u.Files, func(a, b status.UnsentFile) int {
		return cmp.Or(cmp.Compare(b.Bytes, a.Bytes), cmp.Compare(a.Path, b.Path))
	})
	return u
}

package main

import (
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// logOptions say what is told of the mount, and where.
type logOptions struct {
	journal bool
	file    string        // instead of where it would go
	format  string        // text, json, or empty: text
	slow    time.Duration // 0: slow operations are not logged
	audit   string        // a file
	metrics string        // an address, or unix: and a path
	exposed bool          // metrics may be seen from other machines
}

func (o *logOptions) rows() []option {
	return []option{
		{"log", "journal", "where the log goes, in place of stderr or syslog", o.setLog},
		{"log_file", "FILE", "the log goes to a file, which may be rotated", filePath(&o.file)},
		{"log_format", "text|json", "how stderr or the file is written (text)", oneOf(&o.format, "text", "json")},
		{"slow_log", "SECONDS", "log operations that take longer", seconds(&o.slow)},
		{"audit_log", "FILE", "write a line of JSON for every change made", filePath(&o.audit)},
		{"metrics", "ADDRESS", "serve Prometheus metrics: host:port or unix:path", o.setMetrics},
		{"metrics_exposed", "", "metrics may be served to other machines", set(&o.exposed, true)},
	}
}

// filePath takes a file, whose path stays valid when the program leaves the current
// directory.
func filePath(place *string) func(string) error {
	return func(v string) (err error) {
		if v == "" {
			return fmt.Errorf("it needs the path of a file")
		}
		*place, err = filepath.Abs(v)
		return err
	}
}

func (o *logOptions) setLog(v string) error {
	if v != "journal" {
		return fmt.Errorf("%q is not journal, which is all that can be asked for; without it the log goes to "+
			"standard error with -f, and to syslog otherwise", v)
	}
	o.journal = true
	return nil
}

func (o *logOptions) setMetrics(v string) error {
	if socket, ok := strings.CutPrefix(v, "unix:"); ok {
		if err := filePath(&socket)(socket); err != nil {
			return err
		}
		o.metrics = "unix:" + socket
		return nil
	}
	if _, _, err := net.SplitHostPort(v); err != nil {
		return fmt.Errorf("%w: expected is host:port, such as localhost:9464, or unix:path", err)
	}
	o.metrics = v
	return nil
}

// check finds what does not go together.
func (o *logOptions) check(foreground bool) error {
	switch {
	case o.file != "" && o.journal:
		return usageError("options \"log=journal\" and \"log_file\" exclude each other: give one")
	case o.format == "json" && o.file == "" && (o.journal || !foreground):
		return usageError("option \"log_format=json\" needs log_file=FILE, or -f without log=journal")
	case o.metrics != "" && !o.exposed && !isLocal(o.metrics):
		return usageError("option \"metrics=%s\" would tell other machines: use localhost:PORT or unix:PATH, or add metrics_exposed", o.metrics)
	}
	return nil
}

// refuseBelow fails if the mount would hide what is written to while it is there.
// That is found out before anything is opened.
func (o *logOptions) refuseBelow(mountpoint string) error {
	mountpoint, err := filepath.Abs(mountpoint)
	if err != nil {
		return err
	}
	return refuseOwnWay(resolved(mountpoint), o.files())
}

func (o *logOptions) files() []neededFile {
	files := []neededFile{
		{"log", o.file, "-o log_file=FILE"},
		{"audit log", o.audit, "-o audit_log=FILE"},
	}
	if socket, ok := strings.CutPrefix(o.metrics, "unix:"); ok {
		files = append(files, neededFile{"socket", socket, "-o metrics=ADDRESS"})
	}
	return slices.DeleteFunc(files, func(f neededFile) bool { return f.path == "" })
}

// isLocal reports whether only programs on this machine reach an address.
func isLocal(address string) bool {
	if strings.HasPrefix(address, "unix:") {
		return true
	}
	host, _, _ := net.SplitHostPort(address)
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

package status

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"
)

// shownFiles and shownRequests are how many of a list a person gets to see.
const (
	shownFiles    = 10
	shownRequests = 10
)

// WriteText writes a report for people.
func WriteText(w io.Writer, r Report) error {
	var b strings.Builder
	b.WriteString(r.Title() + "\n")
	fields := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, f := range r.fields() {
		_, _ = fmt.Fprintf(fields, "  %s\t%s\n", f.name, f.value)
	}
	_ = fields.Flush()
	paragraph := func(title string, lines []string) {
		if len(lines) > 0 {
			b.WriteString("\n  " + title + "\n  " + strings.Join(lines, "\n  ") + "\n")
		}
	}
	paragraph("not yet on the server:", r.UnsentLines())
	paragraph("programs that wait:", r.RunningLines())
	if table := r.OperationLines(); table != nil {
		paragraph(table[0], table[1:])
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// Title says which mount it is.
func (r *Report) Title() string { return Printable(r.Source) + " on " + Printable(r.Mountpoint) }

// Line says in one line, with tabs between, which mount it is.
func (r *Report) Line() string {
	return fmt.Sprintf("%s\t%s\t%s", Printable(r.Mountpoint), Printable(r.Source), r.Connection.Describe(r.Time))
}

type field struct{ name, value string }

// fields are the lines that every report has, and those that say what is wrong.
func (r *Report) fields() []field {
	c := &r.Connection
	fields := []field{
		{"program", fmt.Sprintf("sftpmount %s, process %d, mounted %s ago", r.Version, r.PID, duration(r.Time.Sub(r.Mounted)))},
		{"connection", c.Describe(r.Time)},
	}
	if c.LastError != "" {
		fields = append(fields, field{"last error", c.DescribeError(r.Time)})
	}
	fields = append(fields,
		field{"server", c.Server.Describe()},
		field{"encryption", c.Server.encryption()},
		field{"extensions", strings.Join(shortExtensions(c.Server.Extensions), " ")},
		field{"traffic", r.Traffic.PerSecond.describe()},
		field{"in all", r.Traffic.Total.describe()},
		field{"cache", r.Cache.describe()},
		field{"read ahead", r.Cache.ReadAhead.Describe(Bytes)},
		field{"listed ahead", r.Cache.ListedAhead.Describe(func(n int64) string { return plural(n, "folder") })},
		field{"memory", fmt.Sprintf("%s of names, %s of read-ahead, %s of writes",
			Bytes(r.Cache.NameBytes), Bytes(r.Cache.BlockBytes), Bytes(r.Unsent.Bytes))},
		field{"open files", Count(int64(r.OpenFiles))},
	)
	if r.Panics > 0 {
		fields = append(fields, field{"panics", plural(int64(r.Panics), "request") + " failed by a bug of this program; the log has the stacks"})
	}
	return fields
}

// Describe says whether there is a connection, and since when.
func (c *Connection) Describe(now time.Time) string {
	since := duration(now.Sub(c.Since))
	switch c.State {
	case "up":
		again := ""
		if c.Number > 1 {
			again = fmt.Sprintf(", connection number %d", c.Number)
		}
		return fmt.Sprintf("up for %s%s, %s", since, again, plural(int64(c.Server.Channels), "channel"))
	case "closed":
		return "closed " + since + " ago"
	case "asleep":
		return "not made yet: the first use will"
	}
	text := fmt.Sprintf("DOWN for %s, %s after %s", since, c.State, plural(int64(c.Attempts), "failed attempt"))
	if c.NextAttempt != nil {
		text += ", the next in " + duration(max(0, c.NextAttempt.Sub(now)))
	}
	return text
}

// DescribeError says what went wrong last, and when.
func (c *Connection) DescribeError(now time.Time) string {
	text := Printable(c.LastError)
	if c.FailedAt != nil {
		text += " (" + duration(now.Sub(*c.FailedAt)) + " ago)"
	}
	return text
}

// Describe says which server it is, and how far.
func (s *Remote) Describe() string {
	if s.User == "" {
		return Printable(s.Host) + ", not connected yet"
	}
	text := fmt.Sprintf("%s@%s", s.User, s.Host)
	if s.Address != "" {
		text += " (" + s.Address + ")"
	}
	if s.Software != "" {
		text += ", " + s.Software
	}
	return Printable(text) + ", round trip " + latency(s.RoundTrip)
}

func (s *Remote) encryption() string {
	if s.Cipher == "" {
		return "unknown"
	}
	return Printable(fmt.Sprintf("%s, key exchange %s, host key %s", s.Cipher, s.KeyExchange, s.HostKey))
}

// shortExtensions leaves out OpenSSH's suffix.
func shortExtensions(names []string) []string {
	var list []string
	for _, name := range names {
		list = append(list, Printable(strings.TrimSuffix(name, "@openssh.com")))
	}
	if list == nil {
		return []string{"none"}
	}
	return list
}

func (r *Rate) describe() string {
	return fmt.Sprintf("%s/s read, %s/s written, %.0f operations/s",
		Bytes(int64(r.ReadBytes)), Bytes(int64(r.WrittenBytes)), r.Operations)
}

func (a *Amount) describe() string {
	return fmt.Sprintf("%s read, %s written, %s operations, %s of them failed",
		Bytes(int64(a.ReadBytes)), Bytes(int64(a.WrittenBytes)), Count(int64(a.Operations)), Count(int64(a.Failed)))
}

func (c *Cache) describe() string {
	return fmt.Sprintf("answers %s of attributes, %s of listings, %s of links; %s names",
		c.Attributes.share(), c.Listings.share(), c.Links.share(), Count(int64(c.Names)))
}

func (l Lookups) share() string {
	if l.Hits+l.Misses == 0 {
		return "-"
	}
	return fmt.Sprintf("%.0f %%", 100*float64(l.Hits)/float64(l.Hits+l.Misses))
}

// Describe says it in words; amount writes a number with its unit.
func (a Ahead) Describe(amount func(int64) string) string {
	return fmt.Sprintf("%s used, %s wasted", amount(int64(a.Used)), amount(int64(a.Wasted)))
}

// UnsentLines list the files that are not whole on the server, the largest part
// first.
func (r *Report) UnsentLines() []string {
	var lines []string
	for i, f := range r.Unsent.Files {
		if i == shownFiles {
			lines = append(lines, fmt.Sprintf("and %s more", plural(int64(len(r.Unsent.Files)-i), "file")))
			break
		}
		what := Bytes(f.Bytes)
		if f.Bytes == 0 {
			what = "change" // of its name or attributes
		}
		lines = append(lines, fmt.Sprintf("%9s  %s", what, Printable(f.Path)))
	}
	return lines
}

// RunningLines list the requests that take long.
func (r *Report) RunningLines() []string {
	var lines []string
	for i, op := range r.Running {
		if i == shownRequests {
			lines = append(lines, fmt.Sprintf("and %d more", len(r.Running)-i))
			break
		}
		lines = append(lines, fmt.Sprintf("%9s  %s %s (process %d of user %d)",
			duration(seconds(op.Age)), op.Operation, Printable(op.Path), op.PID, op.UID))
	}
	return lines
}

// OperationLines are a table of all operations, with its heading.
func (r *Report) OperationLines() []string {
	if len(r.Operations) == 0 {
		return nil
	}
	const format = "%-15s %9s %9s %9s %9s %9s"
	lines := []string{fmt.Sprintf(format, "operation", "count", "failed", "median", "99 %", "longest")}
	for _, op := range r.Operations {
		lines = append(lines, fmt.Sprintf(format, op.Name, Count(int64(op.Count)), Count(int64(op.Failed)),
			latency(op.Median), latency(op.P99), latency(op.Max)))
	}
	return lines
}

// Printable keeps what a server or a file's name holds from steering the
// terminal.
func Printable(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
}

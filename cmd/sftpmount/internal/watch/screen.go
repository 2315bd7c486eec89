package watch

import (
	"fmt"
	"slices"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"sftpmount/cmd/sftpmount/internal/status"
)

const (
	labelWidth = 12
	valueWidth = 13 // of what stands before a spark line
	barWidth   = 20
)

// screen draws a report for a terminal of some size. err says why it is old.
func screen(r *status.Report, err error, width, height int) string {
	lines := slices.Concat(
		connectionLines(r, err),
		[]string{""}, trafficLines(r.Traffic.Seconds, max(0, width-labelWidth-valueWidth)),
		[]string{""}, memoryLines(r),
	)
	paragraph := func(title string, body []string) {
		if len(body) > 0 {
			lines = append(append(lines, "", title), body...)
		}
	}
	paragraph(bold("not yet on the server"), r.UnsentLines())
	paragraph(alert("programs that wait"), r.RunningLines())
	if table := r.OperationLines(); table != nil {
		paragraph(bold(table[0]), table[1:])
	}
	return fit(lines, width, height)
}

func labelled(label, text string) string { return fmt.Sprintf("%-*s%s", labelWidth, label, text) }

func connectionLines(r *status.Report, err error) []string {
	connection := r.Connection.Describe(r.Time)
	if s := r.Connection.State; s != "up" && s != "asleep" {
		connection = alert(connection)
	}
	lines := []string{bold(r.Title()), labelled("connection", connection)}
	switch {
	case err != nil:
		lines = append(lines, labelled("", alert(status.Printable(err.Error()))))
	case r.Connection.LastError != "":
		lines = append(lines, labelled("last error", r.Connection.DescribeError(r.Time)))
	}
	return append(lines, labelled("server", r.Connection.Server.Describe()))
}

// trafficLines say what the last second was like, with spark lines of those
// before it that there is room for.
func trafficLines(seconds []status.Amount, room int) []string {
	var last status.Amount
	if len(seconds) > 0 {
		last = seconds[len(seconds)-1]
	}
	line := func(label, rate string, of func(status.Amount) uint64) string {
		return labelled(label, fmt.Sprintf("%-*s%s", valueWidth, rate+"/s", spark(seconds, room, of)))
	}
	return []string{
		line("read", status.Bytes(int64(last.ReadBytes)), func(a status.Amount) uint64 { return a.ReadBytes }),
		line("written", status.Bytes(int64(last.WrittenBytes)), func(a status.Amount) uint64 { return a.WrittenBytes }),
		line("operations", status.Count(int64(last.Operations)), func(a status.Amount) uint64 { return a.Operations }),
	}
}

func memoryLines(r *status.Report) []string {
	lookups := func(label string, l status.Lookups) string {
		return labelled(label, bar(l.Hits, l.Hits+l.Misses)+fmt.Sprintf(" %s of %s from memory",
			status.Count(int64(l.Hits)), status.Count(int64(l.Hits+l.Misses))))
	}
	ahead := r.Cache.ReadAhead
	return []string{
		labelled("unsent", bar(uint64(r.Unsent.Bytes), uint64(r.Unsent.Limit))+
			fmt.Sprintf(" %s of at most %s", status.Bytes(r.Unsent.Bytes), status.Bytes(r.Unsent.Limit))),
		lookups("attributes", r.Cache.Attributes),
		lookups("listings", r.Cache.Listings),
		labelled("read ahead", bar(ahead.Used, ahead.Used+ahead.Wasted)+" "+ahead.Describe(status.Bytes)),
		labelled("open files", status.Count(int64(r.OpenFiles))),
	}
}

// fit cuts lines to what the terminal has room for, and says how to leave.
func fit(lines []string, width, height int) string {
	lines = lines[:min(len(lines), max(1, height-1))]
	for i, line := range lines {
		lines[i] = ansi.Truncate(line, width, "…")
	}
	return strings.Join(append(lines, faint("q quits")), "\n")
}

// spark draws the newest of seconds that there is room for, each as a block
// whose height is its share of the highest.
func spark(seconds []status.Amount, room int, of func(status.Amount) uint64) string {
	blocks := []rune("▁▂▃▄▅▆▇█")
	seconds = seconds[max(0, len(seconds)-room):]
	var highest uint64
	for _, s := range seconds {
		highest = max(highest, of(s))
	}
	var b strings.Builder
	for _, s := range seconds {
		level := 0
		if n := of(s); n > 0 {
			level = 1 + int(uint64(len(blocks)-2)*n/highest)
		}
		b.WriteRune(blocks[level])
	}
	return b.String()
}

// bar draws n as a share of all.
func bar(n, all uint64) string {
	full := 0
	if all > 0 {
		full = int(barWidth * min(n, all) / all)
	}
	return strings.Repeat("█", full) + strings.Repeat("░", barWidth-full)
}

func bold(s string) string  { return "\x1b[1m" + s + "\x1b[m" }
func faint(s string) string { return "\x1b[2m" + s + "\x1b[m" }
func alert(s string) string { return "\x1b[1;31m" + s + "\x1b[m" }

package watch

import (
	"fmt"
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
	lines := []string{bold(r.Title())}
	add := func(label, text string) {
		lines = append(lines, fmt.Sprintf("%-*s%s", labelWidth, label, text))
	}
	connection := r.Connection.Describe(r.Time)
	if s := r.Connection.State; s != "up" && s != "asleep" {
		connection = alert(connection)
	}
	add("connection", connection)
	switch {
	case err != nil:
		add("", alert(status.Printable(err.Error())))
	case r.Connection.LastError != "":
		add("last error", r.Connection.DescribeError(r.Time))
	}
	add("server", r.Connection.Server.Describe())
	lines = append(lines, "")

	seconds := r.Traffic.Seconds
	room := max(0, width-labelWidth-valueWidth)
	var last status.Amount
	if len(seconds) > 0 {
		last = seconds[len(seconds)-1]
	}
	add("read", fmt.Sprintf("%-*s", valueWidth, status.Bytes(int64(last.ReadBytes))+"/s")+
		spark(seconds, room, func(a status.Amount) uint64 { return a.ReadBytes }))
	add("written", fmt.Sprintf("%-*s", valueWidth, status.Bytes(int64(last.WrittenBytes))+"/s")+
		spark(seconds, room, func(a status.Amount) uint64 { return a.WrittenBytes }))
	add("operations", fmt.Sprintf("%-*s", valueWidth, status.Count(int64(last.Operations))+"/s")+
		spark(seconds, room, func(a status.Amount) uint64 { return a.Operations }))
	lines = append(lines, "")

	add("unsent", bar(uint64(r.Unsent.Bytes), uint64(r.Unsent.Limit))+
		fmt.Sprintf(" %s of at most %s", status.Bytes(r.Unsent.Bytes), status.Bytes(r.Unsent.Limit)))
	for _, l := range []struct {
		label string
		status.Lookups
	}{{"attributes", r.Cache.Attributes}, {"listings", r.Cache.Listings}} {
		add(l.label, bar(l.Hits, l.Hits+l.Misses)+fmt.Sprintf(" %s of %s from memory",
			status.Count(int64(l.Hits)), status.Count(int64(l.Hits+l.Misses))))
	}
	ahead := r.Cache.ReadAhead
	add("read ahead", bar(ahead.Used, ahead.Used+ahead.Wasted)+" "+ahead.Describe(status.Bytes))
	add("open files", status.Count(int64(r.OpenFiles)))

	if unsent := r.UnsentLines(); len(unsent) > 0 {
		lines = append(append(lines, "", bold("not yet on the server")), unsent...)
	}
	if waiting := r.RunningLines(); len(waiting) > 0 {
		lines = append(append(lines, "", alert("programs that wait")), waiting...)
	}
	if table := r.OperationLines(); table != nil {
		lines = append(append(lines, "", bold(table[0])), table[1:]...)
	}
	return fit(lines, width, height)
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

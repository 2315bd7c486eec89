package status

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// Bar shows a person how far an unmount is: on a terminal one line that changes,
// elsewhere a line now and then.
type Bar struct {
	w        io.Writer
	terminal bool
	begun    time.Time
	first    Progress  // when the most was unsent
	shown    time.Time // when the last line was written
}

const (
	barWidth = 30

	// barDelay is for how long nothing is shown: most unmounts take less.
	barDelay = 500 * time.Millisecond

	// lineEvery is how often a line is written where there is no terminal.
	lineEvery = 10 * time.Second
)

// NewBar returns a Bar that writes to w.
func NewBar(w io.Writer, terminal bool) *Bar {
	return &Bar{w: w, terminal: terminal, begun: time.Now()}
}

// Show shows p.
func (b *Bar) Show(p Progress) {
	if p.UnsentBytes > b.first.UnsentBytes || b.first.UnsentBytes == 0 && p.UnsentFiles > b.first.UnsentFiles {
		b.first = p
	}
	switch {
	case p.UnsentFiles == 0 || time.Since(b.begun) < barDelay:
	case b.terminal:
		_, _ = fmt.Fprintf(b.w, "\r%s %s\x1b[K", b.bar(p), b.describe(p))
		b.shown = time.Now()
	case time.Since(b.shown) >= lineEvery:
		_, _ = fmt.Fprintln(b.w, b.describe(p))
		b.shown = time.Now()
	}
}

// Clear takes the line away.
func (b *Bar) Clear() {
	if b.terminal && !b.shown.IsZero() {
		_, _ = fmt.Fprint(b.w, "\r\x1b[K")
	}
}

func (b *Bar) bar(p Progress) string {
	left, all := p.UnsentBytes, b.first.UnsentBytes
	if all == 0 { // changes without contents
		left, all = int64(p.UnsentFiles), int64(b.first.UnsentFiles)
	}
	done := int(barWidth * max(0, all-left) / all)
	return "[" + strings.Repeat("#", done) + strings.Repeat("-", barWidth-done) + "]"
}

// describe says what is left and, as far as it can be told, for how long.
func (b *Bar) describe(p Progress) string {
	text := fmt.Sprintf("%s of %s still to be sent", Bytes(p.UnsentBytes), plural(int64(p.UnsentFiles), "file"))
	if p.State != "up" {
		return text + ", the link is down (" + p.State + ")"
	}
	if sent := b.first.UnsentBytes - p.UnsentBytes; sent > 0 {
		rate := float64(sent) / time.Since(b.begun).Seconds()
		text += fmt.Sprintf(", %s/s, %s left", Bytes(int64(rate)), duration(seconds(float64(p.UnsentBytes)/rate)))
	}
	return text
}

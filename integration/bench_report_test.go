package integration

import (
	"fmt"
	"image/color"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
)

// benchReport is what was measured over one line.
type benchReport struct {
	delay time.Duration
	runs  int
	big   int64 // bytes
	rows  []benchRow
}

type benchRow struct {
	workload
	median map[string]sample
}

func (s sample) show(w workload) string {
	switch {
	case w.bytes:
		return fmt.Sprintf("%.0f MB/s", s.perSec/1e6)
	case w.printed:
		return fmt.Sprintf("%.0f/s", s.perSec)
	default:
		return fmt.Sprintf("%.2f s", s.took.Seconds())
	}
}

// times is how many times as fast as sshfs somebody was.
func (r benchRow) times(who string) float64 {
	if r.printed {
		return r.median[who].perSec / r.median["sshfs"].perSec
	}
	return r.median["sshfs"].took.Seconds() / r.median[who].took.Seconds()
}

func (r benchReport) table() string {
	var b strings.Builder
	fmt.Fprintf(&b, "### %s\n\n", r.title())
	figures := fmt.Sprintf("the median of %d runs", r.runs)
	if r.runs == 1 {
		figures = "of one run"
	}
	fmt.Fprintf(&b, "The big file has %d MiB. Each figure is %s.\n\n", r.big>>20, figures)
	b.WriteString("| work | sshfs | sftpmount | times as fast | on the server, over ssh |\n|---|---|---|---|---|\n")
	for _, row := range r.rows {
		fmt.Fprintf(&b, "| %s | %s | %s | %.1f | %s |\n", row.name, row.median["sshfs"].show(row.workload),
			row.median["sftpmount"].show(row.workload), row.times("sftpmount"), row.median[onServer].show(row.workload))
	}
	b.WriteString("\n| CPU seconds per GiB, memory | sshfs and its ssh | sftpmount |\n|---|---|---|\n")
	for _, row := range r.rows {
		if row.bytes {
			fmt.Fprintf(&b, "| %s | %s | %s |\n", row.name, r.cost(row, "sshfs"), r.cost(row, "sftpmount"))
		}
	}
	return b.String()
}

func (r benchReport) cost(row benchRow, who string) string {
	s := row.median[who]
	moved := float64(r.big) / float64(max(row.share, 1)) / (1 << 30)
	return fmt.Sprintf("%.2f s, %d MiB", s.cpu.Seconds()/moved, s.memory>>20)
}

func (r benchReport) title() string {
	if r.delay == 0 {
		return "On one machine (loopback)"
	}
	return fmt.Sprintf("%d ms, %d MB/s", r.delay.Milliseconds(), benchRate/1_000_000)
}

func (r benchReport) chartName() string {
	return fmt.Sprintf("performance-%dms.svg", r.delay.Milliseconds())
}

// chart draws how many times as fast as sshfs the others were, on a scale of
// powers of two.
func (r benchReport) chart(path string) error {
	p := plot.New()
	p.Title.Text = r.title() + ": times as fast as sshfs"
	sans := font.Font{Typeface: "Liberation", Variant: "Sans", Size: vg.Points(9)}
	for _, style := range []*text.Style{&p.Title.TextStyle, &p.Legend.TextStyle, &p.X.Tick.Label, &p.Y.Tick.Label} {
		style.Font = sans
	}
	p.Title.Padding, p.Legend.Top, p.Legend.YOffs = vg.Points(28), true, vg.Points(26)
	p.Y.Tick.Label.XAlign = text.XRight
	width := vg.Points(9)
	names := make([]string, len(r.rows))
	for i, who := range contenders[1:] {
		values := make(plotter.Values, len(r.rows))
		for j, row := range r.rows {
			// From top to bottom.
			at := len(r.rows) - 1 - j
			names[at], values[at] = row.name, math.Log2(row.times(who))
		}
		bars, err := plotter.NewBarChart(values, width)
		if err != nil {
			return err
		}
		bars.Horizontal = true
		bars.Offset = width * vg.Length(0.5-float64(i))
		bars.Color = plotColors[i]
		bars.LineStyle.Width = 0
		p.Add(bars)
		p.Legend.Add(map[string]string{"sftpmount": "sftpmount", onServer: "on the server, over ssh"}[who], bars)
	}
	p.NominalY(names...)
	p.X.Tick.Marker = powersOfTwo{}
	p.Add(plotter.NewGrid())
	return p.Save(18*vg.Centimeter, vg.Length(len(r.rows))*0.9*vg.Centimeter+2.5*vg.Centimeter, path)
}

// writeReports puts the tables into docs/performance.md, and the charts beside it.
func writeReports(t *testing.T, reports []benchReport) {
	t.Helper()
	var b strings.Builder
	for _, r := range reports {
		require.NoError(t, r.chart(filepath.Join("../docs", r.chartName())))
		fmt.Fprintf(&b, "%s\n![%s](%s)\n\n", r.table(), r.title(), r.chartName())
	}
	writeBetweenMarks(t, "bench", b.String())
}

// writeBetweenMarks replaces what stands between the marks with a name in
// docs/performance.md.
func writeBetweenMarks(t *testing.T, name, text string) {
	t.Helper()
	const page = "../docs/performance.md"
	old, err := os.ReadFile(page)
	require.NoError(t, err)
	begin, end := "<!-- begin "+name+" -->\n", "<!-- end "+name+" -->\n"
	before, rest, found := strings.Cut(string(old), begin)
	require.True(t, found, "no %s in %s", begin, page)
	_, after, found := strings.Cut(rest, end)
	require.True(t, found, "no %s in %s", end, page)
	text = before + begin + "\n" + strings.TrimSpace(text) + "\n\n" + end + after
	require.NoError(t, os.WriteFile(page, []byte(text), 0o644))
}

// plotColors are those of Okabe and Ito, which everybody can tell apart.
var plotColors = []color.RGBA{{R: 0, G: 114, B: 178, A: 255}, {R: 230, G: 159, B: 0, A: 255}}

// powersOfTwo labels an axis that shows logarithms.
type powersOfTwo struct{}

// Ticks implements [plot.Ticker].
func (powersOfTwo) Ticks(from, to float64) []plot.Tick {
	var ticks []plot.Tick
	for x := math.Floor(from); x <= math.Ceil(to); x++ {
		ticks = append(ticks, plot.Tick{Value: x, Label: strconv.FormatFloat(math.Exp2(x), 'f', -1, 64)})
	}
	return ticks
}

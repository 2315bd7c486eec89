package status

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// example returns the report of testdata, which has all that a report can have.
func example(t *testing.T) Report {
	t.Helper()
	data, err := os.ReadFile("testdata/report.json")
	require.NoError(t, err)
	var r Report
	decoder := json.NewDecoder(strings.NewReader(string(data)))
	decoder.DisallowUnknownFields()
	require.NoError(t, decoder.Decode(&r))
	return r
}

func TestText(t *testing.T) {
	var b strings.Builder
	require.NoError(t, WriteText(&b, example(t)))
	want, err := os.ReadFile("testdata/report.txt")
	require.NoError(t, err)
	assert.Equal(t, string(want), b.String())
}

// A mount with delay_connect that nobody has used.
func TestTextBeforeTheFirstConnection(t *testing.T) {
	var b strings.Builder
	r := Report{Connection: Connection{State: "asleep", Server: Remote{Host: "host:/dir"}}}
	require.NoError(t, WriteText(&b, r))
	assert.Regexp(t, `connection +not made yet`, b.String())
	assert.Regexp(t, `server +host:/dir, not connected yet`, b.String())
}

func TestUnits(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", 10188: "9.9 KiB", 10200: "10 KiB", 1023 << 10: "1.0 MiB",
		999 << 10: "999 KiB", 5 << 40: "5.0 TiB", 1 << 62: "4.0 EiB",
	} {
		assert.Equal(t, want, Bytes(n))
	}
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -1: "-1", -123456: "-123,456"} {
		assert.Equal(t, want, Count(n))
	}
	for d, want := range map[time.Duration]string{
		1500 * time.Millisecond: "1.5 s", 59 * time.Second: "59 s", 61 * time.Second: "1 min 1 s",
		25 * time.Hour: "1 day 1 h", 2 * time.Hour: "2 h 0 min",
	} {
		assert.Equal(t, want, duration(d))
	}
	for s, want := range map[float64]string{0: "0 µs", 12e-6: "12 µs", 1.25e-3: "1.2 ms", 0.0123: "12 ms", 2: "2.0 s"} {
		assert.Equal(t, want, latency(s))
	}
}

func TestBar(t *testing.T) {
	var b strings.Builder
	bar := NewBar(&b, true)
	bar.Show(Progress{UnsentBytes: 4 << 20, UnsentFiles: 2, State: "up"})
	bar.Clear()
	assert.Empty(t, b.String(), "most unmounts are over soon")
	bar.begun = bar.begun.Add(-2 * time.Second)
	bar.Show(Progress{UnsentBytes: 1 << 20, UnsentFiles: 1, State: "up"})
	assert.Regexp(t, `^\r\[#{22}-{8}\] 1\.0 MiB of 1 file still to be sent, 1\.\d MiB/s, 0\.\d s left\x1b\[K$`, b.String())
	bar.Clear()
	assert.True(t, strings.HasSuffix(b.String(), "\r\x1b[K"))

	b.Reset()
	bar = NewBar(&b, true)
	bar.begun = bar.begun.Add(-2 * time.Second)
	bar.Show(Progress{UnsentFiles: 4, State: "up"})
	bar.Show(Progress{UnsentFiles: 1, State: "up"})
	assert.Equal(t, "\r[------------------------------] 0 B of 4 files still to be sent\x1b[K"+
		"\r[######################--------] 0 B of 1 file still to be sent\x1b[K", b.String())

	b.Reset()
	bar = NewBar(&b, false)
	bar.begun = bar.begun.Add(-2 * time.Second)
	for range 3 {
		bar.Show(Progress{UnsentBytes: 5, UnsentFiles: 2, State: "waiting"})
	}
	bar.Clear()
	assert.Equal(t, "5 B of 2 files still to be sent, the link is down (waiting)\n", b.String())
}

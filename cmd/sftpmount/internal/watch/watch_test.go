package watch

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sftpmount/cmd/sftpmount/internal/status"
)

func example(t *testing.T) status.Report {
	t.Helper()
	data, err := os.ReadFile("../status/testdata/report.json")
	require.NoError(t, err)
	var r status.Report
	require.NoError(t, json.Unmarshal(data, &r))
	return r
}

// A link that is down, and one that is up on a small terminal.
func TestScreens(t *testing.T) {
	down, up := example(t), example(t)
	up.Connection.State, up.Connection.LastError = "up", ""
	up.Running, up.Unsent = nil, status.Unsent{Limit: 64 << 20}
	for name, screen := range map[string]string{
		"down.txt": screen(&down, nil, 100, 40),
		"up.txt":   screen(&up, errors.New("process 4711 does not answer"), 60, 16),
	} {
		want, err := os.ReadFile(filepath.Join("testdata", name))
		require.NoError(t, err)
		assert.Equal(t, strings.TrimSuffix(string(want), "\n"), ansi.Strip(screen), name)
	}
	assert.Contains(t, screen(&down, nil, 100, 40), alert(down.Connection.Describe(down.Time)))
}

func TestScreenFitsAnyTerminal(t *testing.T) {
	r := example(t)
	for width := range 120 {
		for _, height := range []int{0, 1, 2, 10, 200} {
			lines := strings.Split(screen(&r, nil, width, height), "\n")
			assert.LessOrEqual(t, len(lines), max(2, height))
			for _, line := range lines[:len(lines)-1] {
				assert.LessOrEqual(t, ansi.StringWidth(line), width)
			}
		}
	}
}

func TestSpark(t *testing.T) {
	var seconds []status.Amount
	for _, n := range []uint64{9, 9, 0, 1, 4, 8, 1 << 40} {
		seconds = append(seconds, status.Amount{ReadBytes: n})
	}
	read := func(a status.Amount) uint64 { return a.ReadBytes }
	assert.Equal(t, "▁▂▂▂█", spark(seconds, 5, read))
	assert.Equal(t, "▁▂▅█", spark(seconds[:6], 4, read))
	assert.Empty(t, spark(nil, 5, read))
	assert.Empty(t, spark(seconds, 0, read))
}

func TestModel(t *testing.T) {
	first := example(t)
	next := first
	next.OpenFiles = 77
	var err error
	m, cmd := tea.Model(newModel(func() (status.Report, error) { return next, err }, first)), tea.Cmd(nil)
	ask := func() {
		m, cmd = m.Update(m.(model).answer())
	}
	m, _ = m.Update(tea.WindowSizeMsg{Width: 90, Height: 50})
	assert.Contains(t, m.View().Content, "open files  3")
	assert.True(t, m.View().AltScreen)
	ask()
	assert.Contains(t, m.View().Content, "open files  77")
	require.NotNil(t, cmd, "it goes on asking")

	err = errors.New("process 4711 does not answer")
	ask()
	assert.Contains(t, m.View().Content, "does not answer")
	assert.Contains(t, m.View().Content, "open files  77", "what was known stays")
	err = nil
	ask()
	assert.NotContains(t, m.View().Content, "does not answer")

	for _, key := range []string{"q", "ctrl+c", "esc"} {
		_, quit := m.Update(keyPress(key))
		require.NotNil(t, quit, key)
		assert.Equal(t, tea.QuitMsg{}, quit())
	}
	_, nothing := m.Update(keyPress("x"))
	assert.Nil(t, nothing)

	err = &os.SyscallError{Err: syscall.ECONNREFUSED}
	ask()
	assert.True(t, m.(model).ended)
	assert.Equal(t, tea.QuitMsg{}, cmd())
}

func keyPress(name string) tea.KeyPressMsg {
	switch name {
	case "esc":
		return tea.KeyPressMsg{Code: tea.KeyEscape}
	case "ctrl+c":
		return tea.KeyPressMsg{Code: 'c', Mod: tea.ModCtrl}
	}
	return tea.KeyPressMsg{Code: rune(name[0]), Text: name}
}

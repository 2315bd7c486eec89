// Package watch shows on a terminal how a mount is, anew every second, as top
// does.
package watch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	tea "charm.land/bubbletea/v2"

	"sftpmount/cmd/sftpmount/internal/status"
)

// interval is how often the mount is asked.
const interval = time.Second

// Run shows the mount that client asks, beginning with first, until the person
// at the terminal has seen enough or the mount has ended.
func Run(ctx context.Context, client *status.Client, first status.Report) error {
	ask := func() (status.Report, error) { return client.Report(ctx) }
	m, err := tea.NewProgram(newModel(ask, first), tea.WithContext(ctx)).Run()
	if err != nil && !errors.Is(err, tea.ErrInterrupted) {
		return fmt.Errorf("using the terminal: %w", err)
	}
	if m, ok := m.(model); ok && m.ended {
		fmt.Fprintf(os.Stderr, "The mount on %s has ended.\n", m.report.Mountpoint)
	}
	return nil
}

// model is what the screen shows. It meets tea.Model.
type model struct {
	ask           func() (status.Report, error)
	report        status.Report
	err           error // why there is no newer report
	ended         bool  // there will be none
	width, height int
}

func newModel(ask func() (status.Report, error), first status.Report) model {
	return model{ask: ask, report: first, width: 80, height: 24}
}

// answer is what the mount said.
type answer struct {
	report status.Report
	err    error
}

func (m model) answer() tea.Msg {
	report, err := m.ask()
	return answer{report, err}
}

// later asks after an interval.
func (m model) later() tea.Cmd {
	return tea.Tick(interval, func(time.Time) tea.Msg { return m.answer() })
}

func (m model) Init() tea.Cmd { return m.later() }

func (m model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
	case tea.KeyPressMsg:
		switch msg.String() {
		case "q", "esc", "ctrl+c":
			return m, tea.Quit
		}
	case answer:
		m.err = msg.err
		switch {
		case msg.err == nil:
			m.report = msg.report
		case errors.Is(msg.err, syscall.ECONNREFUSED), errors.Is(msg.err, os.ErrNotExist):
			m.ended = true
			return m, tea.Quit
		}
		return m, m.later()
	}
	return m, nil
}

func (m model) View() tea.View {
	view := tea.NewView(screen(&m.report, m.err, m.width, m.height))
	view.AltScreen = true
	return view
}

package integration

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// systemd takes the units as they are installed, without a word.
func TestUnits(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Skip("no systemd-analyze here")
	}
	dir := t.TempDir()
	for from, to := range map[string]string{
		"sftpmount@.service": "sftpmount@.service",
		"example.mount":      "srv-host.mount",
		"example.automount":  "srv-host.automount",
	} {
		unit, err := os.ReadFile(filepath.Join("../cmd/sftpmount/dist/systemd", from))
		require.NoError(t, err)
		text := strings.ReplaceAll(string(unit), "/usr/bin/sftpmount", *program)
		// There need not be manual pages here.
		text = strings.ReplaceAll(text, "Documentation=man:", "Documentation=https://example.org/")
		require.NoError(t, os.WriteFile(filepath.Join(dir, to), []byte(text), 0o644))
	}
	for _, unit := range []string{"sftpmount@host.service", "srv-host.mount", "srv-host.automount"} {
		cmd, out := tool(t, dir, "systemd-analyze", "verify", "--recursive-errors=no", "./"+unit)
		cmd.Env = append(os.Environ(), "SYSTEMD_LOG_LEVEL=warning")
		require.NoError(t, cmd.Run(), "%s: %s", unit, out)
		assert.Empty(t, out.String(), unit)
	}
}

package integration

import (
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The manual pages are without mistakes.
func TestManualPages(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("mandoc"); err != nil {
		t.Skip("no mandoc here")
	}
	pages, err := filepath.Glob("../docs/*.[1-8]")
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(pages), 2)
	for _, page := range pages {
		// Below that are remarks on style, and on what pages this machine has.
		out, err := tryRun(t, ".", "mandoc", "-T", "lint", "-W", "warning", page)
		require.NoError(t, err, out)
		assert.Empty(t, out)
	}
}

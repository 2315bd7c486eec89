package walk

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sftpmount/sftpconn"
)

func TestHistoryIsBounded(t *testing.T) {
	h := newHistory()
	for round := range 3 {
		for i := range mostRemembered {
			h.opened(fmt.Sprintf("%d/%d", round%2, i), sftpconn.Attr{})
			require.LessOrEqual(t, len(h.last), mostRemembered)
		}
	}
	assert.Len(t, h.opens, mostRemembered)
	for path, at := range h.last {
		open, last := h.at(at)
		assert.Equal(t, path, open.path)
		assert.True(t, last)
	}
}

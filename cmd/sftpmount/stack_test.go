package main

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestDescribeUnsent(t *testing.T) {
	assert.Equal(t, "7 bytes of /a, 9 bytes of /b", describeUnsent(map[string]int64{"/b": 9, "/a": 7}))
	many := map[string]int64{}
	for i := range 12 {
		many[fmt.Sprintf("/%02d", i)] = 1
	}
	assert.Contains(t, describeUnsent(many), "1 bytes of /09, and 2 more files")
}

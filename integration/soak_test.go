package integration

import (
	"os"
	"sync"
	"time"
)

// soak is how long each job under faults runs beyond its usual seconds: what
// the variable SOAK says, such as 60s.
var soak = sync.OnceValue(func() time.Duration {
	d, err := time.ParseDuration(os.Getenv("SOAK"))
	if err != nil {
		return 0
	}
	return d
})

package sftpconn

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	sshfx "github.com/pkg/sftp/v2/encoding/ssh/filexfer"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The shortest round trip counts, until the link was longer for a while.
func TestRoundTripIsTheShortestOfLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r roundTrip
		assert.Zero(t, r.shortest())
		for _, took := range []time.Duration{5, 1, 3} {
			r.note(took * time.Millisecond)
		}
		assert.Equal(t, time.Millisecond, r.shortest())
		for begin := time.Now(); time.Since(begin) <= 2*(roundTripPeriod+time.Second); time.Sleep(time.Second) {
			r.note(100 * time.Millisecond)
		}
		assert.Equal(t, 100*time.Millisecond, r.shortest())
		r.note(time.Millisecond)
		assert.Equal(t, time.Millisecond, r.shortest(), "a shorter one counts at once")
		time.Sleep(time.Hour)
		assert.Equal(t, time.Millisecond, r.shortest(), "nothing else is known")
		r.note(time.Second)
		assert.Equal(t, time.Second, r.shortest())
	})
}

// A connection that has become far is used as such.
func TestRoundTripIsMeasuredAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var distance atomic.Int64
		s := newFakeServer(func(int, sshfx.Packet) sshfx.Packet {
			time.Sleep(time.Duration(distance.Load()))
			return attrsPacket(regular, 0)
		})
		c := s.connect(t, Options{BulkChannels: 20, KeepaliveInterval: -1})
		for _, far := range []time.Duration{time.Millisecond, 100 * time.Millisecond, time.Millisecond} {
			distance.Store(int64(far))
			for range 2 {
				time.Sleep(roundTripPeriod + time.Second)
				_, err := c.Lstat(t.Context(), "/")
				require.NoError(t, err)
			}
			assert.Equal(t, far, c.Status().RoundTrip)
			assert.Equal(t, 1+int(far.Seconds()*fastLine/window), c.wantedBulk())
		}
	})
}

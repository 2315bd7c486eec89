package sftpconn

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	sshfx "github.com/pkg/sftp/v2/encoding/ssh/filexfer"
	"github.com/stretchr/testify/assert"
)

// Files that are opened ahead leave the metadata channel alone, and have as many
// channels opened as what is to be read of them needs.
func TestOpenAheadTakesDataChannels(t *testing.T) {
	for _, test := range []struct {
		name                  string
		files, size, channels int
		maxChannels, wants    int // channels for data
		most                  int // files on one
	}{
		{"little", 100, 1 << 10, 9, 0, 1, 100},
		{"much", 64, 256 << 10, 9, 0, 9, 24},
		{"ten MiB", 40, 256 << 10, 9, 0, 6, 24},
		{"a server that allows few", 64, 256 << 10, 9, 3, 2, 40},
		{"no channels for data", 64, 256 << 10, -1, 0, 0, 64},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var mu sync.Mutex
				opened := map[int]int{}
				s := newFakeServer(func(channel int, req sshfx.Packet) sshfx.Packet {
					time.Sleep(100 * time.Millisecond)
					switch req := req.(type) {
					case *sshfx.OpenPacket:
						mu.Lock()
						defer mu.Unlock()
						opened[channel]++
						return &sshfx.HandlePacket{Handle: "h"}
					case *sshfx.StatPacket:
						return attrsPacket(regular, test.size)
					case *sshfx.ReadPacket:
						return &sshfx.DataPacket{Data: make([]byte, req.Length)}
					}
					return status(StatusOK)
				})
				s.startDelay, s.maxChannels = 100*time.Millisecond, test.maxChannels
				c := s.connect(t, Options{BulkChannels: test.channels, ChannelIdle: time.Hour})
				synctest.Wait()
				time.Sleep(time.Second)
				var files sync.WaitGroup
				for i := range test.files {
					files.Go(func() {
						f, _, err := c.Open(Ahead(t.Context(), int64(test.size)), fmt.Sprintf("/%d", i), Read, 0)
						if assert.NoError(t, err) {
							_, err = f.ReadAt(t.Context(), make([]byte, test.size), 0)
							assert.NoError(t, err)
							assert.NoError(t, f.Close(t.Context()))
						}
					})
				}
				files.Wait()
				for channel, files := range opened {
					assert.LessOrEqual(t, files, test.most)
					assert.Equal(t, test.wants == 0, channel == 0, "on the metadata channel")
				}
				assert.Equal(t, 1+test.wants, c.Status().Channels)
				assert.Zero(t, c.meta.load.total()+c.bulk.load())
			})
		})
	}
}

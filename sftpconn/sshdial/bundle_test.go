package sshdial

import (
	"context"
	"errors"
	"io"
	"net"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// scriptedWay makes a first connection, and further ones as further says.
type scriptedWay struct {
	dials   int
	further func(ctx context.Context) error
}

func (w *scriptedWay) Dial(ctx context.Context) (Transport, error) {
	w.dials++
	if w.dials > 1 {
		if err := w.further(ctx); err != nil {
			return nil, err
		}
	}
	return plainTransport{}, nil
}

func (w *scriptedWay) Close() error { return nil }

// plainTransport has as many channels as are asked for.
type plainTransport struct{}

func (plainTransport) OpenChannel(ctx context.Context) (io.ReadWriteCloser, error) {
	conn, _ := net.Pipe()
	return conn, ctx.Err()
}
func (plainTransport) Ping() error  { return nil }
func (plainTransport) Close() error { return nil }

// A further connection that cannot be made is tried again at a sane pace, if it may
// work then and its failure keeps nobody waiting. Meanwhile there are channels.
func TestFurtherConnectionIsTriedAgain(t *testing.T) {
	for name, test := range map[string]struct {
		further func(ctx context.Context) error
		again   bool
	}{
		"refused":   {func(context.Context) error { return syscall.ECONNREFUSED }, true},
		"permanent": {func(context.Context) error { return permanent(errors.New("no")) }, false},
		"silent": {func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				way := &scriptedWay{further: test.further}
				transport := dialWay(t, several(way, Options{MaxConns: 2}))
				open := func() {
					ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second) // as sftpconn
					defer cancel()
					_, err := transport.OpenChannel(ctx)
					require.NoError(t, err)
				}
				for range 10 {
					open()
				}
				require.Equal(t, 2, way.dials)
				time.Sleep(memberPause + time.Second)
				way.further = func(context.Context) error { return nil }
				for range 10 {
					open()
				}
				members := len(transport.(*bundle).members)
				require.Equal(t, test.again, members == 2, members)
			})
		})
	}
}

package sftptest_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"

	"sftpmount/sftpconn"
	"sftpmount/sftpconn/sftptest"
)

func TestMockFallsThrough(t *testing.T) {
	var asked string
	below := &sftptest.Mock{
		LstatFn: func(_ context.Context, path string) (sftpconn.Attr, error) {
			asked = path
			return sftpconn.Attr{Size: 7}, nil
		},
		CloseFn: func() error { return errors.New("below") },
	}
	mock := &sftptest.Mock{FS: below, CloseFn: func() error { return nil }}
	attr, err := mock.Lstat(t.Context(), "/x")
	assert.NoError(t, err)
	assert.EqualValues(t, 7, attr.Size)
	assert.Equal(t, "/x", asked)
	assert.NoError(t, mock.Close())
}

func TestMockEnds(t *testing.T) {
	mock := &sftptest.Mock{}
	select {
	case <-mock.Done():
		t.Fatal("ended")
	default:
	}
	assert.NoError(t, mock.Err())
	mock.End(sftpconn.ErrLost)
	mock.End(sftpconn.ErrProtocol)
	<-mock.Done()
	assert.Equal(t, sftpconn.ErrLost, mock.Err())
}

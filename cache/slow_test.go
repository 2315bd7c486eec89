package cache

import (
	"context"
	"sync/atomic"
	"time"

	"sftpmount/sftpconn"
)

// slowAnswers holds back the answers to questions that are asked before on is
// set.
type slowAnswers struct {
	*farServer
	on atomic.Bool
}

func (s *slowAnswers) hold() func() {
	if s.on.Load() {
		return func() {}
	}
	return func() { time.Sleep(time.Second) }
}

func (s *slowAnswers) Lstat(ctx context.Context, path string) (sftpconn.Attr, error) {
	defer s.hold()()
	return s.farServer.Lstat(ctx, path)
}

func (s *slowAnswers) ReadDir(ctx context.Context, path string) ([]sftpconn.DirEntry, error) {
	defer s.hold()()
	return s.farServer.ReadDir(ctx, path)
}

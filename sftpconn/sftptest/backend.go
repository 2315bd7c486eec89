package sftptest

import (
	"io"
	"sync"

	"github.com/pkg/sftp"
)

// inProcess is github.com/pkg/sftp's server, as the stream that it speaks on.
type inProcess struct {
	*io.PipeReader // from the server
	*io.PipeWriter // to the server
	served         sync.WaitGroup
}

func startInProcess() (*inProcess, error) {
	serverIn, in := io.Pipe()
	out, serverOut := io.Pipe()
	server, err := sftp.NewServer(struct {
		io.Reader
		io.WriteCloser
	}{serverIn, serverOut}, sftp.WithMaxTxPacket(maxPacket-1<<10))
	if err != nil {
		return nil, err
	}
	p := &inProcess{PipeReader: out, PipeWriter: in}
	p.served.Go(func() {
		_ = server.Serve() // fails when the client leaves in the middle of a packet
		_ = serverOut.Close()
		_ = serverIn.Close()
	})
	return p, nil
}

// Close ends the server and waits for it.
func (p *inProcess) Close() error {
	_ = p.PipeWriter.Close()
	_ = p.PipeReader.Close()
	p.served.Wait()
	return nil
}

package sshdial

import (
	"context"
	"io"
	"net"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// agentTimeout bounds how long an agent may take to list its keys. Signing is
// not bounded: the user may have to touch something.
const agentTimeout = 10 * time.Second

// agentKeys is a connection to the user's ssh-agent (draft-miller-ssh-agent).
type agentKeys struct {
	h    *handshake
	conn net.Conn
	stop func() bool // ends the watch on the login's context
}

// openAgent returns nil if there is no agent. The agent's connection ends with
// ctx.
func openAgent(ctx context.Context, h *handshake) *agentKeys {
	if h.cfg.IdentityAgent == "" {
		return nil
	}
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "unix", h.cfg.IdentityAgent)
	if err != nil {
		h.log.Debug("the agent does not answer", "err", err)
		return nil
	}
	return &agentKeys{h: h, conn: conn, stop: context.AfterFunc(ctx, func() { _ = conn.Close() })}
}

func (a *agentKeys) close() {
	a.stop()
	_ = a.conn.Close()
}

// list returns the agent's keys and certificates. A nil agent has none.
func (a *agentKeys) list() []*loginKey {
	if a == nil {
		return nil
	}
	client := agent.NewClient(a.conn)
	_ = a.conn.SetDeadline(time.Now().Add(agentTimeout))
	listed, err := client.List()
	_ = a.conn.SetDeadline(time.Time{})
	if err != nil {
		a.h.log.Warn("the agent does not list its keys", "socket", a.h.cfg.IdentityAgent, "err", err)
		return nil
	}
	var keys []*loginKey
	for _, k := range listed {
		keys = append(keys, &loginKey{
			label:  "agent: " + k.Comment,
			signer: &agentSigner{h: a.h, client: client, key: k},
		})
	}
	return keys
}

// plainAgentKey returns the key that an agent's key is, or that it certifies.
func plainAgentKey(key ssh.PublicKey) ssh.PublicKey {
	if parsed, err := ssh.ParsePublicKey(key.Marshal()); err == nil {
		return plainKey(parsed)
	}
	return key
}

// agentSigner lets the agent sign, for as long as that takes.
type agentSigner struct {
	h      *handshake
	client agent.ExtendedAgent
	key    *agent.Key
}

func (s *agentSigner) PublicKey() ssh.PublicKey { return s.key }

func (s *agentSigner) Sign(rand io.Reader, data []byte) (*ssh.Signature, error) {
	return s.SignWithAlgorithm(rand, data, "")
}

func (s *agentSigner) SignWithAlgorithm(_ io.Reader, data []byte, algorithm string) (*ssh.Signature, error) {
	s.h.dog.pause()
	defer s.h.dog.resume()
	var flags agent.SignatureFlags
	switch algorithm {
	case ssh.KeyAlgoRSASHA256:
		flags = agent.SignatureFlagRsaSha256
	case ssh.KeyAlgoRSASHA512:
		flags = agent.SignatureFlagRsaSha512
	}
	signature, err := s.client.SignWithFlags(s.key, data, flags)
	if err != nil {
		s.h.log.Warn("the agent refused to sign", "key", s.key.Comment, "err", err)
	}
	return signature, err
}

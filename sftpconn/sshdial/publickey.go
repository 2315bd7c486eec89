package sshdial

import (
	"errors"
	"io"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"
)

// publickeyLogin offers keys (RFC 4252, section 7), each as an attempt of its
// own, so that a key that cannot sign does not keep the next from being tried.
type publickeyLogin struct {
	login *login
	agent *agentKeys // nil before it was needed, and if there is none

	keys    []*loginKey // nil before the first attempt
	offered int         // how many of keys were offered
	labels  []string    // of those offered
}

// loginKey is a key or certificate to offer.
type loginKey struct {
	label    string
	signer   ssh.AlgorithmSigner
	accepted bool // the server took it as one of several steps
}

func (p *publickeyLogin) name() string { return "publickey" }

func (p *publickeyLogin) next() (ssh.AuthMethod, error) {
	if p.keys == nil {
		p.keys = p.collect()
	}
	for p.offered < len(p.keys) {
		key := p.keys[p.offered]
		p.offered++
		if key.accepted {
			continue
		}
		if locked, ok := key.signer.(*lockedKey); ok && locked.public == nil {
			// What there is to offer is known only after decryption.
			if _, err := locked.unlock(); err != nil {
				if p.login.failure != nil {
					return nil, p.login.failure
				}
				continue
			}
		}
		signer := p.restrict(key.signer)
		if signer == nil {
			continue
		}
		p.labels = append(p.labels, key.label)
		p.login.h.log.Debug("offering a key", "key", describeKey(signer.PublicKey()), "from", key.label)
		return ssh.PublicKeys(signer), nil
	}
	return nil, nil
}

func (p *publickeyLogin) settle(accepted bool) {
	p.keys[p.offered-1].accepted = accepted
}

// restart offers all keys again but those that were accepted already.
func (p *publickeyLogin) restart() { p.offered = 0 }

func (p *publickeyLogin) tried() string {
	if len(p.labels) == 0 {
		return ""
	}
	return "publickey (" + strings.Join(p.labels, ", ") + ")"
}

func (p *publickeyLogin) close() {
	if p.agent != nil {
		p.agent.close()
	}
}

// restrict makes signer use accepted algorithms only: an RSA key would
// otherwise sign with SHA-1 for servers that do not say what they know. It
// returns nil if none is left.
func (p *publickeyLogin) restrict(signer ssh.AlgorithmSigner) ssh.Signer {
	accepted := p.login.h.cfg.PubkeyAcceptedAlgorithms
	ways := signatureAlgorithms(signer.PublicKey().Type(), accepted)
	if len(ways) == 0 {
		return nil
	}
	restricted, err := ssh.NewSignerWithAlgorithms(signer, ways)
	if err != nil {
		return nil
	}
	return restricted
}

// collect lists what there is to offer, in OpenSSH's order: certificates that
// are named, keys in the agent that are named, other keys in the agent (unless
// IdentitiesOnly), keys in files. A certificate beside a key file goes with the
// key.
func (p *publickeyLogin) collect() []*loginKey {
	cfg := p.login.h.cfg
	identities := p.loadIdentities()
	p.agent = openAgent(p.login.ctx, p.login.h)
	inAgent := p.agent.list()

	var certs, named, others, files []*loginKey
	for _, path := range cfg.CertificateFile {
		cert, err := readCertificate(path)
		if err != nil {
			p.login.h.log.Warn("certificate is left out", "err", err)
			continue
		}
		certs = append(certs, certify(cert, path, inAgent, identities)...)
	}
	for _, id := range identities {
		with, keys := id.key, &files
		if i := slices.IndexFunc(inAgent, func(k *loginKey) bool { return id.holds(k.signer.PublicKey()) }); i >= 0 {
			with, keys = inAgent[i], &named
		}
		if with == nil {
			id.noteMissing(p.login)
			continue
		}
		*keys = append(*keys, with)
		if id.cert != nil && len(cfg.CertificateFile) == 0 {
			*keys = append(*keys, certify(id.cert, id.path+"-cert.pub", []*loginKey{with}, nil)...)
		}
	}
	for _, k := range inAgent {
		belongs := slices.ContainsFunc(identities, func(id *identity) bool {
			return id.holds(plainAgentKey(k.signer.PublicKey()))
		})
		if !slices.Contains(named, k) && (belongs || !cfg.IdentitiesOnly) {
			others = append(others, k)
		}
	}
	return append([]*loginKey{}, slices.Concat(certs, named, others, files)...)
}

// certify returns the certificate with the key that it is about, from the agent
// or a file; nothing if we do not have that.
func certify(cert *ssh.Certificate, path string, inAgent []*loginKey, identities []*identity) []*loginKey {
	keys := slices.Clone(inAgent)
	for _, id := range identities {
		if id.key != nil {
			keys = append(keys, id.key)
		}
	}
	for _, k := range keys {
		public := k.signer.PublicKey()
		if public != nil && equalKeys(public, cert.Key) {
			return []*loginKey{{label: label(path), signer: &certSigner{k.signer, cert}}}
		}
	}
	return nil
}

// certSigner signs with a key and shows its certificate.
type certSigner struct {
	ssh.AlgorithmSigner
	cert *ssh.Certificate
}

func (s *certSigner) PublicKey() ssh.PublicKey { return s.cert }

// lockedKey is a key in a file that is encrypted. It is decrypted when it has to
// sign: when the server has said that it would accept it.
type lockedKey struct {
	public ssh.PublicKey // nil if the file does not tell
	open   func() (ssh.AlgorithmSigner, error)
	opened ssh.AlgorithmSigner
	failed error
}

func (k *lockedKey) PublicKey() ssh.PublicKey { return k.public }

func (k *lockedKey) Sign(rand io.Reader, data []byte) (*ssh.Signature, error) {
	return k.SignWithAlgorithm(rand, data, "")
}

func (k *lockedKey) SignWithAlgorithm(rand io.Reader, data []byte, algorithm string) (*ssh.Signature, error) {
	signer, err := k.unlock()
	if err != nil {
		return nil, err
	}
	return signer.SignWithAlgorithm(rand, data, algorithm)
}

// unlock decrypts the key, once: who did not know the passphrase is not asked
// for it again.
func (k *lockedKey) unlock() (ssh.AlgorithmSigner, error) {
	if k.opened == nil && k.failed == nil {
		k.opened, k.failed = k.open()
	}
	if k.failed != nil {
		return nil, k.failed
	}
	if k.public == nil {
		k.public = k.opened.PublicKey()
	}
	if !equalKeys(k.public, k.opened.PublicKey()) {
		return nil, errors.New("the private key is not that of the public key beside it")
	}
	return k.opened, nil
}

package sshdial

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/youmark/pkcs8"
	"golang.org/x/crypto/ssh"
)

// identity is what an IdentityFile and the files beside it hold.
type identity struct {
	path   string
	public ssh.PublicKey    // nil if no file tells
	key    *loginKey        // nil if the private key is not in the file
	cert   *ssh.Certificate // path-cert.pub, nil if there is none
	reason error            // why key is nil, where that is worth a warning
}

// holds reports whether key is that of the identity.
func (id *identity) holds(key ssh.PublicKey) bool {
	return id.public != nil && equalKeys(id.public, key)
}

// noteMissing keeps why nothing can be done with an identity.
func (id *identity) noteMissing(l *login) {
	if id.reason != nil {
		l.ignored = append(l.ignored, id)
		l.note(fmt.Sprintf("key %s: %v", id.path, id.reason))
		l.tooOpen = l.tooOpen || errors.Is(id.reason, errTooOpen)
	}
}

// loadIdentities reads all identity files. They are read anew for each login,
// since certificates are renewed.
func (p *publickeyLogin) loadIdentities() []*identity {
	var identities []*identity
	for _, path := range p.login.h.cfg.IdentityFile {
		id := p.loadIdentity(path)
		if cert, err := readCertificate(path + "-cert.pub"); err == nil {
			id.cert = cert
		}
		identities = append(identities, id)
	}
	return identities
}

// loadIdentity reads a private key, or the public key of one that is in the
// agent.
func (p *publickeyLogin) loadIdentity(path string) *identity {
	id := &identity{path: path}
	id.public, _ = readPublicKey(path + ".pub")
	data, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && (p.login.h.cfg.DefaultIdentities || id.public != nil):
		return id
	case err != nil:
		id.reason = err
		return id
	}
	defer wipe(data)
	if public, _, _, _, err := ssh.ParseAuthorizedKey(data); err == nil {
		id.public = public
		return id
	}
	if id.reason = checkPrivate(path); id.reason != nil {
		return id
	}

	var encrypted *ssh.PassphraseMissingError
	signer, err := ssh.ParsePrivateKey(data)
	switch {
	case errors.As(err, &encrypted):
		if encrypted.PublicKey != nil {
			id.public = encrypted.PublicKey
		}
		p.addLocked(id, bytes.Clone(data))
	case err != nil && isEncryptedPKCS8(data):
		p.addLocked(id, bytes.Clone(data))
	case err != nil:
		id.reason = explainKey(err)
	default:
		id.public = signer.PublicKey()
		id.key = &loginKey{label: label(path), signer: signer.(ssh.AlgorithmSigner)}
	}
	return id
}

// addLocked adds the encrypted key in data, if there is somebody to ask for its
// passphrase or it was decrypted for an earlier connection.
func (p *publickeyLogin) addLocked(id *identity, data []byte) {
	unlocked := p.login.h.memory.unlocked
	signer := unlocked[id.path]
	if signer != nil && (id.public == nil || equalKeys(id.public, signer.PublicKey())) {
		id.public = signer.PublicKey()
		id.key = &loginKey{label: label(id.path), signer: signer}
		return
	}
	if p.login.h.prompter == nil {
		id.reason = errors.New("it needs its passphrase, and nobody can be asked")
		return
	}
	id.key = &loginKey{label: label(id.path), signer: &lockedKey{public: id.public, open: func() (ssh.AlgorithmSigner, error) {
		signer, err := p.decrypt(id.path, data)
		if err == nil {
			unlocked[id.path] = signer
		}
		return signer, err
	}}}
}

// decrypt asks for the passphrase of the key in data, several times at most.
func (p *publickeyLogin) decrypt(path string, data []byte) (ssh.AlgorithmSigner, error) {
	defer wipe(data)
	for range p.login.h.cfg.NumberOfPasswordPrompts {
		passphrase, err := p.login.ask(fmt.Sprintf("Enter passphrase for key '%s': ", path), false)
		if errors.Is(err, ErrNoPrompt) {
			p.login.note(fmt.Sprintf("passphrase of %s: %v", path, err))
			return nil, err
		}
		if err != nil {
			p.login.failure = err
			return nil, err
		}
		if len(passphrase) == 0 {
			break // as in ssh, this skips the key
		}
		signer, err := parseEncrypted(data, passphrase)
		wipe(passphrase)
		if err == nil {
			return signer.(ssh.AlgorithmSigner), nil
		}
		if !errors.Is(err, x509.IncorrectPasswordError) {
			p.login.note(fmt.Sprintf("key %s: %v", path, err))
			return nil, err
		}
	}
	p.login.note(fmt.Sprintf("key %s was not used without its passphrase", path))
	return nil, errors.New("no right passphrase")
}

// isEncryptedPKCS8 recognises the one form that the SSH library cannot read.
func isEncryptedPKCS8(data []byte) bool {
	block, _ := pem.Decode(data)
	return block != nil && block.Type == "ENCRYPTED PRIVATE KEY"
}

// parseEncrypted decrypts a private key. A wrong passphrase gives
// x509.IncorrectPasswordError.
func parseEncrypted(data, passphrase []byte) (ssh.Signer, error) {
	if !isEncryptedPKCS8(data) {
		return ssh.ParsePrivateKeyWithPassphrase(data, passphrase)
	}
	block, _ := pem.Decode(data)
	key, _, err := pkcs8.ParsePrivateKey(block.Bytes, passphrase)
	if err != nil {
		return nil, fmt.Errorf("%w (%w)", x509.IncorrectPasswordError, err)
	}
	return ssh.NewSignerFromKey(key)
}

// checkPrivate refuses a private key that others can read, as ssh does: only of
// one's own files, since who shares a key by its group owns up to it.
func checkPrivate(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 && ownedByUs(info) {
		return fmt.Errorf("%w: permissions %04o are too open; chmod 600 %s", errTooOpen, mode, path)
	}
	return nil
}

// ownedByUs reports whether the file belongs to who runs this program.
func ownedByUs(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Getuid()
}

// explainKey adds the way out where the library only knows what is wrong.
func explainKey(err error) error {
	return fmt.Errorf("%w; a key on a security token, or one in a form that is not known here, works through ssh-agent (ssh-add)", err)
}

// readPublicKey reads a public key or certificate in the form of
// authorized_keys.
func readPublicKey(path string) (ssh.PublicKey, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	key, _, _, _, err := ssh.ParseAuthorizedKey(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return key, nil
}

func readCertificate(path string) (*ssh.Certificate, error) {
	key, err := readPublicKey(path)
	if err != nil {
		return nil, err
	}
	cert, ok := key.(*ssh.Certificate)
	if !ok {
		return nil, fmt.Errorf("%s: is a public key, not a certificate", path)
	}
	return cert, nil
}

// label is how messages call a key file.
func label(path string) string { return filepath.Base(path) }

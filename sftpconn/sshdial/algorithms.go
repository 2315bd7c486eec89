package sshdial

import (
	"fmt"
	"path"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"
	"golang.org/x/sys/cpu"
)

const certSuffix = "-cert-v01@openssh.com"

// keyAlgorithms are the signature algorithms of keys that are used unless
// others are named, best first, as in OpenSSH.
var keyAlgorithms = []string{
	ssh.KeyAlgoED25519, ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521,
	ssh.KeyAlgoSKED25519, ssh.KeyAlgoSKECDSA256, ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256,
}

// chooseAlgorithms fills in the lists: the algorithms that were named, or else the
// secure ones.
func (a *Algorithms) chooseAlgorithms(set, builtin settings) error {
	secure, weak := ssh.SupportedAlgorithms(), ssh.InsecureAlgorithms()
	keys := slices.Concat(certAlgorithms(keyAlgorithms), keyAlgorithms)
	hostKeys := slices.DeleteFunc(slices.Clone(keys), func(key string) bool {
		return !slices.Contains(secure.HostKeys, key)
	})
	weakKeys := []string{ssh.KeyAlgoRSA, ssh.CertAlgoRSAv01}

	for _, l := range []struct {
		field     *[]string
		name      string
		preferred []string
		weak      []string
	}{
		{&a.Ciphers, "Ciphers", preferredCiphers(secure.Ciphers), weak.Ciphers},
		{&a.KexAlgorithms, "KexAlgorithms", secure.KeyExchanges, weak.KeyExchanges},
		{&a.MACs, "MACs", secure.MACs, weak.MACs},
		{&a.HostKeyAlgorithms, "HostKeyAlgorithms", hostKeys, weakKeys},
		{&a.PubkeyAcceptedAlgorithms, "PubkeyAcceptedAlgorithms", keys, weakKeys},
		{&a.CASignatureAlgorithms, "CASignatureAlgorithms", keyAlgorithms, weakKeys[:1]},
	} {
		*l.field = l.preferred
		keyword := strings.ToLower(l.name)
		if !set.differs(builtin, keyword) {
			continue
		}
		named := combine(set.first(keyword), l.preferred)
		usable := intersect(named, slices.Concat(l.preferred, l.weak))
		if len(usable) == 0 {
			return fmt.Errorf("ssh_config: %s names %s, of which none is supported; supported are %s",
				l.name, strings.Join(named, ","), strings.Join(l.preferred, ","))
		}
		*l.field = usable
	}
	return nil
}

// combine reads a list of ssh_config(5): "+" adds to the defaults, "-" takes
// away from them, "^" puts to their head. ssh -G has done it already.
func combine(value string, defaults []string) []string {
	if value == "" {
		return nil
	}
	names := strings.Split(strings.TrimLeft(value, "+-^"), ",")
	switch value[0] {
	case '+':
		return slices.Concat(defaults, names)
	case '^':
		return slices.Concat(names, defaults)
	case '-':
		return slices.DeleteFunc(slices.Clone(defaults), func(d string) bool {
			return slices.ContainsFunc(names, func(pattern string) bool {
				matched, _ := path.Match(pattern, d)
				return matched
			})
		})
	}
	return names
}

// intersect returns those of named that are in known, in named's order.
func intersect(named, known []string) []string {
	var out []string
	for _, n := range named {
		// The name from before RFC 8731; the library adds it by itself.
		n = strings.TrimSuffix(n, "@libssh.org")
		if slices.Contains(known, n) && !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	return out
}

// preferredCiphers moves ChaCha20 to the front where the processor has no
// instructions for AES-GCM, which would then be several times slower.
func preferredCiphers(ciphers []string) []string {
	if hasFastGCM() {
		return ciphers
	}
	return intersect(append([]string{ssh.CipherChaCha20Poly1305}, ciphers...), ciphers)
}

func hasFastGCM() bool {
	switch runtime.GOARCH {
	case "amd64", "386":
		return cpu.X86.HasAES && cpu.X86.HasPCLMULQDQ
	case "arm64":
		return cpu.ARM64.HasAES && cpu.ARM64.HasPMULL
	case "s390x":
		return cpu.S390X.HasAES && cpu.S390X.HasAESGCM
	}
	return false
}

// certAlgorithms returns the algorithms of certificates on keys of algorithms.
func certAlgorithms(algorithms []string) []string {
	var out []string
	for _, a := range algorithms {
		out = append(out, strings.TrimSuffix(a, "@openssh.com")+certSuffix)
	}
	return out
}

// signatureAlgorithms returns how a key or certificate of keyType may sign,
// given the accepted algorithms. An RSA key has several ways (RFC 8332).
func signatureAlgorithms(keyType string, accepted []string) []string {
	plain, isCert := strings.CutSuffix(keyType, certSuffix)
	if isCert && strings.HasPrefix(plain, "sk-") {
		plain += "@openssh.com"
	}
	ways := []string{plain}
	if plain == ssh.KeyAlgoRSA {
		ways = []string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256, ssh.KeyAlgoRSA}
	}
	return slices.DeleteFunc(ways, func(w string) bool {
		if isCert {
			w = certAlgorithms([]string{w})[0]
		}
		return !slices.Contains(accepted, w)
	})
}

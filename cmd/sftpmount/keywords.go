package main

import "strings"

// sshKeywords are the keywords of ssh_config(5) that concern a connection.
// Each may follow -o as keyword=value and is handed on to sshdial, which knows
// what it means.
var sshKeywords = strings.Fields(`AddKeysToAgent AddressFamily BatchMode BindAddress
	BindInterface CanonicalDomains CanonicalizeFallbackLocal CanonicalizeHostname
	CanonicalizeMaxDots CanonicalizePermittedCNAMEs CASignatureAlgorithms
	CertificateFile ChallengeResponseAuthentication CheckHostIP Ciphers Compression
	CompressionLevel ConnectionAttempts ConnectTimeout ControlMaster ControlPath
	ControlPersist FingerprintHash ForwardAgent ForwardX11 GlobalKnownHostsFile
	GSSAPIAuthentication GSSAPIClientIdentity GSSAPIDelegateCredentials
	GSSAPIKeyExchange GSSAPIRenewalForcesRekey GSSAPIServerIdentity GSSAPITrustDns
	GSSAPIKexAlgorithms HashKnownHosts HostbasedAcceptedAlgorithms
	HostbasedAuthentication HostbasedKeyTypes HostKeyAlgorithms HostKeyAlias Hostname
	IdentitiesOnly IdentityAgent IdentityFile IPQoS KbdInteractiveAuthentication
	KbdInteractiveDevices KexAlgorithms KnownHostsCommand LocalCommand LogLevel
	LogVerbose MACs NoHostAuthenticationForLocalhost NumberOfPasswordPrompts
	PasswordAuthentication PermitLocalCommand PKCS11Provider Port
	PreferredAuthentications ProxyCommand ProxyJump ProxyUseFdpass
	PubkeyAcceptedAlgorithms PubkeyAcceptedKeyTypes PubkeyAuthentication RekeyLimit
	RequiredRSASize RevokedHostKeys SecurityKeyProvider ServerAliveCountMax
	ServerAliveInterval StrictHostKeyChecking SyslogFacility TCPKeepAlive Tag
	UpdateHostKeys UsePrivilegedPort User UserKnownHostsFile VerifyHostKeyDNS
	VisualHostKey`)

// sshKeyword returns a keyword, which ssh takes in any case, as ssh_config(5)
// spells it.
func sshKeyword(name string) (string, bool) {
	for _, keyword := range sshKeywords {
		if strings.EqualFold(keyword, name) {
			return keyword, true
		}
	}
	return "", false
}

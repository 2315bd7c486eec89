// Package sshdial reaches a server by SSH as the ssh program would: it takes
// ssh_config(5) into account, checks host keys strictly and authenticates with
// everything that the user has.
//
// [Resolve] turns what the user typed into a [Config], and [NewWay] that into a
// [Way], which makes one connection after the other: by SSH of this package's own,
// each of them a [Client], or by the ssh program. There are ways to SFTP without
// SSH, and each can make several connections as one. All carry SFTP channels.
//
// The first [Way.Dial] may ask the user for passphrases, passwords and unknown
// host keys. A later one never does, and never sends an answer again that the
// server has not accepted before: a second factor that is replayed locks
// accounts. [IsPermanent] tells failures that will come again from those that
// pass, and [CauseOf] what they come from.
//
// The files, by what they are about:
//
//	what to reach       options, config, settings, askssh, configfiles, paths,
//	                    algorithms, need
//	ways                way, native, program, direct, stream, bundle
//	our SSH             tcp, jump, proxy, process, startdir, handshake, client,
//	                    discard, watchdog
//	host keys           hostkey, knownhosts, knownhostscommand, revoked
//	the login           login, publickey, identity, agent, password, interactive
//	the ssh program     controlconn, questions, programerror
//	asking the user     prompt, terminal, askpass
//	failures            errors, cause
package sshdial

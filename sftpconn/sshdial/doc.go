// Package sshdial reaches a server by SSH as the ssh program would: it takes
// ssh_config(5) into account, checks host keys strictly and authenticates with
// everything that the user has.
//
// [Resolve] turns what the user typed into a [Config]. A [Dialer] made from it
// makes one connection after the other; each is a [Client], which carries
// several SFTP channels.
//
// A [Way] is what the rest of the program sees of all this: SSH by a Dialer or by
// the ssh program, SFTP without SSH, or several connections as one.
//
// The first [Dialer.Dial] may ask the user for passphrases, passwords and
// unknown host keys. A later one never does, and never sends an answer again
// that the server has not accepted before: a second factor that is replayed
// locks accounts. [IsPermanent] tells failures that will come again from those
// that pass.
package sshdial

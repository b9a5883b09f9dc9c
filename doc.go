// Package onerefresh hands out the access token of a signed-in user, and sees
// to it that the refresh token behind it is spent once, however many tabs,
// goroutines, processes and servers share the session.
//
// Refresh-token rotation makes a refresh token single-use
// (https://www.rfc-editor.org/rfc/rfc9700#section-4.14.2). When several holders
// of one wake at the same moment and each presents it, one wins, the server
// takes the others for a thief, and revokes the whole family: the user is
// signed out. A [Session] prevents that:
//
//   - A token that is valid is returned at once, without a lock.
//   - The callers of one process share one refresh.
//   - Processes queue for a [Locker], and leave the queue as soon as a peer's
//     token shows in the [Store].
//   - Whoever holds the lock reads the store again, coherently, and refreshes
//     only if nobody else has.
//   - The attempt is put on record before the refresh token is sent, and the
//     answer is written only if nobody signed in or out meanwhile.
//   - A session ends only when the authorization server says so in as many
//     words. Every other failure keeps it.
//
// # What it runs on
//
// The package holds the algorithm alone. All else comes through four ports,
// [Locker], [Store], [Refresher] and [Clock], which other packages implement:
//
//   - locks and stores: for the goroutines of a program, the processes of a
//     machine, and the tabs of a browser. keychain seals what a file has.
//   - redis: for servers on many hosts.
//   - endpoint: a refresher on golang.org/x/oauth2, and what takes the place of
//     its TokenSource and its Client.
//
// A server that refreshes the tokens of many users takes group instead, which
// opens sessions of its own. The suites of locks/lockstest and stores/storestest
// test other adapters.
//
// # What it needs from its adapters
//
// That no refresh token is presented twice rests on two promises: that the
// lock is exclusive among all who share the store, and that a Load under the
// lock sees every write made under an earlier hold. Where the lock reaches one
// process alone ([Locker] Shared is false) the recorded attempt serves as a
// lease: another process waits for its outcome, or for [Options.ExchangeTimeout]
// to pass.
//
// No token appears in an [Error], an [Event] or the String of any type here.
package onerefresh

// Package redis implements [onerefresh.Locker] and [onerefresh.Store] over Redis
// or Valkey, for servers on many hosts that refresh the sessions of the same
// users.
//
// A [Client] is what a process needs once. Each user's session has a [Store],
// and all of them have the same [Locker]. Records are sealed with keys that the
// program gives: who can read Redis learns the names of sessions and when they
// change, but no token.
//
// # What holds
//
//   - A write names the generation that was read, and is refused if anything has
//     been written since: by one script, in Redis. So a holder of the lock that
//     was frozen for longer than the lock lasts writes nothing over what its
//     peers have done.
//   - A refresh token that a peer may be about to send is not sent. Two things
//     see to that, and one is enough: the lock, which goes by the clock of Redis;
//     and the attempt on record, which all respect for
//     [onerefresh.Options].ExchangeTimeout and 2 s more, by the clocks of the
//     hosts. See [Locker.Shared].
//   - While Redis cannot be reached, who has a valid token goes on with it. A
//     refresh fails after [Options.Timeout] with an error of
//     [onerefresh.CodeTemporarilyUnavailable], and nothing was sent. If Redis
//     goes away while the token endpoint is answering, the new token is kept in
//     memory, its callers get it, and it is written when Redis is back.
//
// # What does not hold
//
//   - A process that ends in the middle of an exchange delays its peers until the
//     attempt on record has expired: 12 s with the default ExchangeTimeout. With
//     a lock of the operating system, which tells that the holder is gone, they
//     go on at once.
//   - The token endpoint knows nothing of locks. A process that is frozen between
//     recording its attempt and sending it, for longer than that, may send a
//     refresh token that a peer has spent meanwhile. A grace period of the
//     authorization server is what helps.
//   - If the process that keeps an answer in memory dies before Redis is back, or
//     Redis stays away for so long that the attempt expires, the answer is lost:
//     the refresh token in Redis may be spent. Within a grace period the next
//     refresh brings another; without one the session ends, with
//     [onerefresh.Ended].AnswerLost set.
//   - Clocks that differ by more than 2 s shorten the time for which an attempt
//     is respected, or end it. The lock is then what is left.
//
// # When Redis loses data
//
// A session is what Redis says it is. These are its settings and what they cost:
//
//   - No persistence: when Redis restarts all sessions are gone, and all callers
//     get [onerefresh.CodeSignedOut]. Nobody is given a token of somebody else.
//   - appendfsync everysec: when Redis alone is killed nothing is lost, as the
//     operating system has the writes. When the machine loses its power, the last
//     second or two are lost. A session that was refreshed in that time is back at
//     a refresh token that is spent; see below.
//   - appendfsync always: nothing that was acknowledged is lost with the power, as
//     far as the disk keeps its word.
//   - Replication is asynchronous: a failover, by Sentinel, in a cluster or of a
//     managed service, loses the writes that had not reached the replica. Locks
//     among them: then two processes hold the same one, and the attempt on record
//     keeps them apart, unless that was lost as well.
//   - maxmemory with a policy that evicts keys signs users out: set noeviction.
//
// A session that is back at a spent refresh token is not told from one whose
// token is good. The next refresh presents it: within the grace period of the
// authorization server that brings new tokens, and without one it is taken for
// theft, and the session ends. For the same reason do not restore a backup that
// is older than the sessions in it.
//
// # What it needs
//
// Redis 6 or later, or Valkey, with CLIENT TRACKING, by which it tells each
// process of the records and locks that it has asked for: nobody polls. Scripts
// use one key each, so that a cluster will do. Reads go to primaries alone.
package redis

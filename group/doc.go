// Package group is for servers that refresh the tokens of many users: the
// requests of one user that arrive at the same moment, each with the same
// refresh token, share one exchange.
//
// A [Group] keeps nothing for a user whose token is valid. While a refresh is
// under way a [onerefresh.Session] runs it, with all that this does about lost
// and late answers; afterwards the new token is kept for a while, for requests
// that were sent with the old one. What users are signed in, and with what, is
// kept by the program; [Middleware] says how.
//
// A Group reaches one process. Processes that share their users, on one host or
// on many, need a lock and a store that they share: package redis has both, for a
// [onerefresh.Session] in each request.
package group

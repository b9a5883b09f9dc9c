// Package endpoint connects a [onerefresh.Session] with programs that use
// [golang.org/x/oauth2].
//
// [Refresher] presents refresh tokens to the token endpoint of an
// [oauth2.Config], and [Revoker] to a revocation endpoint. [TokenSource] and
// [Client] take the places of oauth2.Config.TokenSource and
// oauth2.Config.Client: where those keep a rotated refresh token in memory, a
// session stores it before anybody uses it, and no other process spends it as
// well. [Response] is for signing in with what oauth2.Config.Exchange or
// DeviceAccessToken returned.
package endpoint

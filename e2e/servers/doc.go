// Package servers tests onerefresh against authorization servers that other
// people have written: the npm package oidc-provider, which `make e2e` installs,
// and fosite, the engine of Ory Hydra and Authelia, which the tests build in a
// module of its own. They run as processes, and have an origin other than the
// page's. What they have on record is the truth, and what went over the wire.
package servers
